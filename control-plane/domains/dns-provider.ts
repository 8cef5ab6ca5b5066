/** Where a host's record lives. `inspect` changes nothing; `ensure` and `remove` are safe to repeat. */
export interface DnsProvider {
  readonly name: string;
  /** 'foreign': a record of that name exists and does not carry our mark. 'unknown': the provider did not answer. */
  inspect(host: string, mark: string): Promise<"absent" | "present" | "foreign" | "unknown">;
  ensure(host: string, mark: string): Promise<void>;
  remove(host: string, mark: string): Promise<void>;
}

/**
 * For names that resolve without us: `*.localhost` (RFC 6761) and base domains with a wildcard record. The row in
 * `domains` is the whole record.
 */
export const localDns: DnsProvider = {
  name: "local",
  inspect: () => Promise.resolve("present"),
  ensure: () => Promise.resolve(),
  remove: () => Promise.resolve(),
};
