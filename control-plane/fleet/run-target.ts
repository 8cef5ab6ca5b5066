/** Where a run is to arrive: from what was typed to a version, and what that asks of a schema. */
import { AppError } from "../../core/errors.ts";
import { isOwnFile } from "../../core/migrations/folders.ts";
import type { SqlMigration } from "../../core/migrations/sql-files.ts";
import { filesOfVersion, isBehind, nameOf, versionOf } from "../../core/migrations/version.ts";

type File = Pick<SqlMigration, "name" | "checksum">;

export interface Destination {
  readonly direction: "up" | "down";
  /** Version to arrive at; null: before the tenant's own last batch. Where it names no file of an importer's, those stay as they are. */
  readonly target: string | null;
}

/**
 * A file of the product's says nothing of an importer's; one of an importer's comes after all of the product's; `0015+5003` says
 * both, and `0000` in a place: none of those. Files by name or number.
 * @throws AppError `invalid-request` for a file that is not there.
 */
export function targetOf(all: readonly File[], direction: "up" | "down", to: string | undefined): string | null {
  if (to === undefined) return direction === "down" ? null : versionOf(all);
  const { product, own } = readAim(all, direction, to);
  const [name = "", hash = ""] = versionOf(
    all.filter((file) => file.name <= (isOwn(file) ? (own ?? "") : product)),
  ).split(" ");
  return own === "" ? `${name}+0000 ${hash}` : `${name} ${hash}`;
}

/** Names of the last files; empty: none, undefined: whatever is there. */
interface Aim {
  readonly product: string;
  readonly own: string | undefined;
}

function readAim(all: readonly File[], direction: "up" | "down", to: string): Aim {
  const products = all.filter((file) => !isOwn(file));
  const own = all.filter(isOwn);
  const [first = "", second, ...more] = to.split("+");
  if (second !== undefined && more.length === 0)
    return { product: findLast(products, first), own: findLast(own, second) };
  if (direction === "down" && isNone(to)) return { product: "", own: own.length > 0 ? "" : undefined };
  const file = findFile(all, to);
  return isOwnFile(file) ? { product: products.at(-1)?.name ?? "", own: file } : { product: file, own: undefined };
}

const isOwn = ({ name }: File): boolean => isOwnFile(name);
const isNone = (to: string): boolean => /^0+$/.test(to);
const findLast = (files: readonly File[], to: string): string => (isNone(to) ? "" : findFile(files, to));

function findFile(files: readonly File[], to: string): string {
  const found = files.find(({ name }) => name === to || name.split("_")[0] === to || name === `${to}.sql`);
  if (found !== undefined) return found.name;
  const detail = `there is no migration '${to}'; name a file, e.g. ${files.at(-1)?.name ?? "0000"}`;
  throw new AppError("invalid-request", detail, { errors: [{ pointer: "/to", detail }] });
}

/** Whether a schema of this version has to change. Two versions of one name differ in a file's text: that is looked into. */
export function isToChange({ direction, target }: Destination, version: string): boolean {
  if (target === null) return true;
  if (direction === "down") return isBehind(target, saysOwn(target) ? version : version.replace(/\+.*/, ""));
  return isBehind(version, target) || (nameOf(version) === nameOf(target) && version !== target);
}

/**
 * Files to apply to a schema that has `has`, or to undo in it, in the order of their names. Undefined where these files never made
 * the target.
 */
export function filesToRun<F extends File>(
  all: readonly F[],
  { direction, target }: { readonly direction: "up" | "down"; readonly target: string },
  has: readonly F[],
): readonly F[] | undefined {
  const wanted = filesOfVersion(all, target);
  if (wanted === undefined) return undefined;
  if (direction === "up") return wanted.filter((file) => !has.includes(file));
  return has.filter((file) => !wanted.includes(file) && (saysOwn(target) || !isOwn(file)));
}

const saysOwn = (target: string): boolean => nameOf(target).includes("+") || isOwnFile(target);
