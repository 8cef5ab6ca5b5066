/** The statements of one file against all rules. */
import { applyStatement } from "../analysis/apply-statement.ts";
import type { AnalysedMigration, AnalysedSection } from "../analysis/analyse.ts";
import { beforeFile } from "../analysis/schema-model.ts";
import type { MigrationKind, SqlMigration } from "../sql-files.ts";
import { alterTableHits } from "./alter-table-rules.ts";
import { dataHits } from "./data-rules.ts";
import type { FileHit } from "./folder-rules.ts";
import { partitionHits } from "./partition-rules.ts";
import type { Hit } from "./rules.ts";
import { safetyHits } from "./safety-rules.ts";
import type { StatementInput } from "./statement-input.ts";

/** What the way up does to data and requests, and what neither way may do; without what the file accepts. */
export function fileHits(kind: MigrationKind, { migration, up, down }: AnalysedMigration): FileHit[] {
  const hits = [
    ...sectionHits({ kind, migration, section: up, line: migration.upLine }, (input) => [
      ...alterTableHits(input),
      ...dataHits(input),
      ...partitionHits(input),
      ...safetyHits(input),
    ]),
    ...sectionHits({ kind, migration, section: down, line: migration.downLine }, safetyHits),
  ].filter(({ code }) => !(code === "destructive" && migration.window?.step === "contract"));
  const broken = new Set<string>(hits.map(({ code }) => code));
  const unused = migration.accepted.filter(({ code }) => !broken.has(code));
  const accepted = new Set(migration.accepted.map(({ code }) => code));
  return [
    ...hits.filter(({ code }) => !accepted.has(code)),
    ...unused.map(({ code, line }) => ({
      name: migration.name,
      line,
      code: "unused-accept" as const,
      what: `'${code}' is accepted`,
    })),
  ];
}

interface Section {
  readonly kind: MigrationKind;
  readonly migration: SqlMigration;
  readonly section: AnalysedSection;
  /** Of the file, on which the section begins. */
  readonly line: number;
}

function sectionHits({ kind, migration, section, line }: Section, rule: (input: StatementInput) => Hit[]): FileHit[] {
  const { isTransactional, name } = migration;
  const model = beforeFile(section.before);
  return section.statements.flatMap((statement) => {
    const hits = rule({ kind, statement, model, before: section.before, isTransactional });
    applyStatement(model, statement);
    return hits.map(({ code, what, level }) => ({ code, what, level, name, line: line + statement.line - 1 }));
  });
}
