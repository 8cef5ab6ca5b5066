/** Told after each table; `bytes` and `rows` are the table's. */
export type ArchiveProgress = (progress: {
  readonly step: "export" | "verify" | "load" | "compare";
  readonly table: string;
  /** Tables finished by now, of how many. */
  readonly done: number;
  readonly tables: number;
  readonly rows: number;
  readonly bytes: number;
}) => void;
