import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { projectPath } from "../../core/paths.ts";
import { resources } from "../lifecycle/resources/index.ts";
import { languages, openLocales } from "./locale.ts";
import { findFailureText, presentFailure } from "./present-failure.ts";

/** Sources whose errors end in a resource's row. */
const folders = ["lifecycle", "archive", "domains"];

function readSources(): string[] {
  return folders.flatMap((folder) => {
    const path = projectPath("control-plane", folder);
    const files = readdirSync(path, { recursive: true, encoding: "utf8" });
    return files
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => readFileSync(join(path, file), "utf8"));
  });
}

const argument = String.raw`("[^"]*"|${"`"}[^${"`"}]*${"`"}|[\w.]+)`;
const thrown = [
  new RegExp(String.raw`new ResourceError\(\s*${argument},\s*(?<code>${argument})`, "g"),
  new RegExp(String.raw`new ArchiveError\(\s*(?<code>${argument})`, "g"),
];

/** The codes of one thrown error as the source has it. @throws Error for one that cannot be read: then this test has to learn it. */
function codesOf(expression: string): string[] {
  const literal = /^"([\w-]+)"$/.exec(expression)?.[1];
  if (literal !== undefined) return [literal];
  const ending = /^`\$\{[\w.]+\}(-[\w-]+)`$/.exec(expression)?.[1];
  if (ending !== undefined) return resources.map(({ name }) => `${name}${ending}`);
  // An ArchiveError that goes on as a ResourceError.
  if (expression === "error.code") return [];
  throw new Error(`the code of an error cannot be read: ${expression}`);
}

/** What `classifyFailure` makes of errors that carry no code of ours. */
function classifiedCodes(): string[] {
  const source = readFileSync(projectPath("control-plane", "lifecycle", "retry.ts"), "utf8");
  const places = source.match(/\bcode(?:: "| = )[^;}]*/g) ?? [];
  return places.flatMap((place) => [...place.matchAll(/"([a-z]+(?:-[a-z]+)*)"/g)].map(([, code]) => code as string));
}

describe("the panel's words for failures", () => {
  const locales = openLocales();
  const sources = readSources();
  const found = sources.flatMap((source) => thrown.flatMap((pattern) => Array.from(source.matchAll(pattern))));
  const codes = new Set([...found.flatMap(({ groups }) => codesOf(groups?.["code"] ?? "")), ...classifiedCodes()]);

  it("are looked for wherever an error is made", () => {
    const made = sources.flatMap((source) => source.match(/new (ResourceError|ArchiveError)\(/g) ?? []);
    expect(found).to.have.length(made.length);
    expect([...codes]).to.include.members(["statement-refused", "service-unavailable", "unexpected"]);
    expect([...codes]).to.include.members(["database-missing", "archive-not-written", "worker-not-gone"]);
  });

  for (const language of languages) {
    it(`are there in ${language} for every code`, () => {
      const mute = [...codes].filter((code) => findFailureText(locales[language], code) === undefined);
      expect(mute).to.deep.equal([]);
    });
  }

  it("come with the server's own where they do not say what to correct", () => {
    const error = { code: "archive-not-written", message: "no space is left on the device" };
    expect(presentFailure(locales.en, { name: "archive", error }).detail).to.equal(error.message);
    const known = { code: "worker-not-started", message: "no worker answered" };
    expect(presentFailure(locales.en, { name: "worker", error: known }).detail).to.equal(undefined);
    const strange = presentFailure(locales.en, { name: "dns", error: { code: "never-heard-of", message: "said so" } });
    expect([strange.message, strange.detail]).to.deep.equal(["Unexpected error.", "said so"]);
  });
});
