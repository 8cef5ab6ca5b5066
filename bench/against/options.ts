export interface AgainstOptions {
  /** The old release's folder, as findCheckout returns it. */
  readonly checkout: string;
  readonly rounds: number;
  readonly tenants: number | undefined;
  /** A folder in which the request's fleet stays. */
  readonly keep: string | undefined;
}
