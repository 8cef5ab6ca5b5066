import type { Socket } from "node:net";
import type { Response } from "express";
import type { UsageMeter } from "../../core/usage/usage-meter.ts";

/** What a connection had carried when the last answer on it was counted. */
interface Carried {
  read: number;
  written: number;
}

/** On the socket itself: every meter of the process counts on from where another one was. */
const carried = Symbol("carried");
type MeteredSocket = Socket & { [carried]?: Carried };

/**
 * Counts a request of a company and its bytes, as its connection saw them; to be called when its answer is out. What the
 * limits refused and what failed on our side (429, 5xx) is no request to pay for; its bytes are left out as well.
 */
export function createRequestMeter(usage: UsageMeter): (companyId: number, res: Response) => void {
  return (companyId, { req, statusCode }) => {
    const socket: MeteredSocket = req.socket;
    // A connection carries many requests, of other companies too behind a proxy: what it carried before is not this one's.
    const before = (socket[carried] ??= { read: 0, written: 0 });
    const { bytesRead, bytesWritten } = socket;
    const bytesIn = bytesRead - before.read;
    const bytesOut = bytesWritten - before.written;
    before.read = bytesRead;
    before.written = bytesWritten;
    if (statusCode !== 429 && statusCode < 500) usage.addRequest(companyId, bytesIn, bytesOut);
  };
}
