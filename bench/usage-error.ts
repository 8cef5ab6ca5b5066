/** An argument that cannot be used; nothing was started. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
