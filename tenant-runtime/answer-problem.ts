/** How an error looks: a small page for browsers, problem+json for programs. */
import type { Request, Response } from "express";
import type { AppError, ErrorCode } from "../core/errors.ts";
import { sendProblem } from "../core/http.ts";
import { compileView, cspHash, type View } from "./views.ts";

interface Words {
  readonly title: string;
  readonly text: string;
}

/** Styled from inside: on an unknown host there is no file to link to. */
const style =
  "body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f4f6f5;color:#17211f;" +
  'font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}' +
  "main{max-width:32rem;margin:1.5rem;padding:2rem;background:#fff;border-radius:1rem;border:1px solid #dbe3e0}" +
  "h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25}p{margin:0 0 .75rem}small{color:#56645f}" +
  "@media (prefers-color-scheme:dark){body{background:#0f1514;color:#e7eeec}" +
  "main{background:#17201e;border-color:#2b3735}small{color:#9aaba6}}";

const pagePolicy = [
  "default-src 'none'",
  "img-src data:",
  `style-src ${cspHash(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const words: Partial<Record<ErrorCode, Words>> = {
  "host-unknown": {
    title: "Endereço não encontrado",
    text: "Nenhuma empresa atende neste endereço. Confira se ele foi digitado corretamente.",
  },
  "host-mismatch": { title: "Endereço trocado", text: "Feche esta página e abra o endereço novamente." },
  "tenant-suspended": {
    title: "Atendimento suspenso",
    text: "O atendimento desta empresa está suspenso no momento. Tente novamente mais tarde.",
  },
  "module-not-in-plan": {
    title: "Atendimento indisponível",
    text: "Esta empresa não atende por esta página. Procure-a por outro canal.",
  },
  "tenant-deleted": { title: "Atendimento encerrado", text: "Esta empresa não atende mais neste endereço." },
  "not-found": { title: "Página não encontrada", text: "Não há nada neste endereço." },
  "not-allowed": { title: "Não permitido", text: "Abra a página da empresa e tente por ela." },
  "invalid-request": {
    title: "Mensagem não enviada",
    text: "A mensagem precisa ter de 1 a 2000 caracteres. Volte e tente novamente.",
  },
  "body-too-large": { title: "Mensagem grande demais", text: "Volte e envie um texto mais curto." },
  "too-many-requests": { title: "Um momento", text: "Foram muitos envios seguidos. Espere um minuto e tente de novo." },
  "tenant-busy": {
    title: "Um momento",
    text: "Há muitas pessoas sendo atendidas agora. Tente novamente em instantes.",
  },
  "service-unavailable": {
    title: "Já voltamos",
    text: "O atendimento está temporariamente indisponível. Tente novamente em instantes.",
  },
};

const otherWords: Words = { title: "Algo deu errado", text: "Não foi possível concluir. Tente novamente." };

let page: View<Words & { style: string; correlationId: string }> | undefined;

export function answerProblem(req: Request, res: Response, error: AppError): void {
  if (req.accepts(["json", "html"]) !== "html") {
    sendProblem(res, error, req.correlationId);
    return;
  }
  page ??= compileView("problem");
  if (error.retryAfterSeconds !== undefined) res.set("Retry-After", String(error.retryAfterSeconds));
  res
    .status(error.status)
    .set("Content-Security-Policy", pagePolicy)
    .type("html")
    .send(page({ ...(words[error.code] ?? otherWords), style, correlationId: req.correlationId }));
}
