/**
 * Node-postgres writes a statement in five pieces; gathered they are one buffer. What a connection is given in one turn
 * of the event loop goes out in one system call: waking the server costs more than most of what it is then asked.
 */
import { AsyncResource } from "node:async_hooks";
import type pg from "pg";

export interface Wire {
  /** What `send` would have written, behind what is there before. */
  gather(send: () => void, before?: Buffer): Buffer;
  /** At the end of this turn of the event loop, together with what else is written in it, in order. */
  write(messages: Buffer): void;
  /** Something was written in this turn. */
  readonly isHolding: boolean;
}

interface Sending {
  _send(piece: Buffer): boolean;
  end(): unknown;
}

export function createWire(connection: pg.Connection): Wire {
  const sending = connection as unknown as Sending;
  const sendNow = sending._send.bind(connection);
  const endNow = sending.end.bind(connection);
  let pieces: Buffer[] | undefined;
  let held: Buffer[] = [];
  const flush = () => {
    if (held.length === 0) return;
    const messages = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held);
    held = [];
    sendNow(messages);
  };
  sending._send = (piece) => {
    if (pieces !== undefined) return pieces.push(piece) > 0;
    flush();
    return sendNow(piece);
  };
  sending.end = () => {
    flush();
    return endNow();
  };
  return {
    gather(send, before) {
      const gathered = (pieces = before === undefined ? [] : [before]);
      try {
        send();
      } finally {
        pieces = undefined;
      }
      return Buffer.concat(gathered);
    },
    get isHolding() {
      return held.length > 0;
    },
    write(messages) {
      if (held.push(messages) === 1) atTheEndOfTheTurn(flush);
    },
  };
}

let flushes: (() => void)[] = [];

function atTheEndOfTheTurn(flush: () => void): void {
  if (flushes.push(flush) === 1) setImmediate(flushAll);
}

/** Works for nobody: without the binding it would run as the tenant whose statement came first. */
const flushAll = AsyncResource.bind(() => {
  const all = flushes;
  flushes = [];
  for (const flush of all) flush();
});
