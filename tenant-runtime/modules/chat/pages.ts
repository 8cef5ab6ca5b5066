import type { Request } from "express";
import type { Assets } from "../../assets.ts";
import { hostUrl } from "../../host-url.ts";
import type { RequestTenant } from "../../request-tenant.ts";
import { compileView } from "../../views.ts";
import type { Message } from "./conversation-store.ts";

export interface ChatPages {
  /** @param isLate the last message's answer has to wait for a service that is away. */
  chat(tenant: RequestTenant, messages: readonly Message[], isLate: boolean): string;
  setup(tenant: RequestTenant, req: Request): string;
  impersonate(tenant: RequestTenant, req: Request): string;
}

const letters = new Intl.Segmenter("pt-BR");
const clock = new Intl.DateTimeFormat("pt-BR", { timeStyle: "short", timeZone: "America/Sao_Paulo" });

export function createChatPages(assets: Assets): ChatPages {
  const chatView = compileView<object>("chat");
  const setupView = compileView<object>("setup");
  const impersonateView = compileView<object>("impersonate");
  const frame = (tenant: RequestTenant) => ({
    company: tenant.name,
    initial: firstLetter(tenant.name),
    icon: assets.url("icon.svg"),
    style: assets.url("page.css"),
  });
  return {
    chat: (tenant, messages, isLate) =>
      chatView({
        ...frame(tenant),
        title: `Atendimento · ${tenant.name}`,
        script: assets.url("chat.js"),
        isLate,
        isWaiting: messages.at(-1)?.from === "visitor",
        messages: messages.map((message) => presentMessage(message, tenant.name)),
      }),
    setup: (tenant, req) =>
      setupView({
        ...frame(tenant),
        title: `Crie sua senha · ${tenant.name}`,
        script: assets.url("setup.js"),
        apiUrl: hostUrl(req, "api"),
      }),
    impersonate: (tenant, req) =>
      impersonateView({
        ...frame(tenant),
        title: `Acesso do suporte · ${tenant.name}`,
        script: assets.url("impersonate.js"),
        apiUrl: hostUrl(req, "api"),
      }),
  };
}

/** One letter as people see it, whatever it is made of. */
const firstLetter = (name: string): string => [...letters.segment(name)][0]?.segment.toLocaleUpperCase("pt-BR") ?? "";

const presentMessage = ({ id, from, body, createdAt }: Message, company: string) => ({
  id,
  from,
  body,
  createdAt,
  who: from === "visitor" ? "Você" : company,
  time: clock.format(new Date(createdAt)),
});
