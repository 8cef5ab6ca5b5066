/** A migration's file that is not as its format says; the message names the file. */
export class MigrationFileError extends Error {
  readonly file: string;
  readonly code: "not-well-formed" | "missing-down" | "unknown-directive";
  /** Line of the file, from 1. */
  readonly line: number;

  constructor(file: string, problem: { code: MigrationFileError["code"]; line: number; message: string }) {
    super(`${file}: ${problem.message}`);
    this.file = file;
    this.code = problem.code;
    this.line = problem.line;
  }
}
