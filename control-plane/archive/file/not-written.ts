import { ArchiveError } from "./archive-error.ts";

const fileFaults: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the device",
  EDQUOT: "the quota is used up",
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  EIO: "the device reported an error",
  ENOENT: "a folder or file is missing",
  ENOTDIR: "a part of the path is no folder",
  EEXIST: "a part of the path is a file",
  EFBIG: "the file system does not take a file of that size",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open on this machine",
  ENAMETOOLONG: "the name is too long",
};

/** What the file system said, in words that name the folder; any other error as it is. */
export function asNotWritten(error: unknown, folder: string): unknown {
  const { code = "", syscall } = error as NodeJS.ErrnoException;
  const why = fileFaults[code];
  if (why === undefined || syscall === undefined || syscall === "connect") return error;
  const message = `the export could not be written to ${folder}: ${why} (${code}); mend the folder (ARCHIVE_DIR)`;
  return new ArchiveError("archive-not-written", message, { cause: error });
}
