/**
 * `archive-damaged`: the file is not what was written. `archive-unreadable`: no file of this format, or of a newer one.
 * `archive-not-importable`: whole, and not for this platform. `archive-not-written`: the disk did not take it.
 * `export-refused`, `import-refused`: the company's state does not allow it.
 */
export type ArchiveFault =
  | "archive-damaged"
  | "archive-unreadable"
  | "archive-not-importable"
  | "archive-not-written"
  | "export-refused"
  | "import-refused";

/** What is wrong with an archive, or in its way; the message says what to do and carries no row of anybody's. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly code: ArchiveFault;

  constructor(code: ArchiveFault, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
