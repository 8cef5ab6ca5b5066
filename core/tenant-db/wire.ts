/** Node-postgres writes a statement in five pieces; gathered they cost one system call of one buffer. */
import type pg from "pg";

export interface Wire {
  /** What `send` would have written, behind what is there before. */
  gather(send: () => void, before?: Buffer): Buffer;
  write(messages: Buffer): void;
}

interface Sending {
  _send(piece: Buffer): boolean;
}

export function createWire(connection: pg.Connection): Wire {
  const sending = connection as unknown as Sending;
  const sendNow = sending._send.bind(connection);
  let pieces: Buffer[] | undefined;
  sending._send = (piece) => (pieces === undefined ? sendNow(piece) : pieces.push(piece) > 0);
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
    write: (messages) => void sendNow(messages),
  };
}
