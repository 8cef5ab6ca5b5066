import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import type pg from "pg";
import { findCurrentTenant, runAsTenant } from "../current-tenant.ts";
import { createWire } from "./wire.ts";

describe("what is written on a connection", () => {
  /** What reaches the socket, and for whom the code ran that sent it. */
  function connect() {
    const sent: string[] = [];
    const senders: unknown[] = [];
    const fake = {
      _send(piece: Buffer) {
        sent.push(piece.toString());
        senders.push(findCurrentTenant());
        return true;
      },
      end: () => void sent.push("end"),
    };
    const wire = createWire(fake as unknown as pg.Connection);
    return { fake, wire, sent, senders };
  }
  const message = (text: string) => Buffer.from(text);

  it("goes out at the end of the turn, all of it at once", async () => {
    const { wire, sent } = connect();
    wire.write(message("a"));
    await Promise.resolve();
    wire.write(message("b"));
    expect([sent, wire.isHolding]).to.deep.equal([[], true]);
    await turn();
    expect([sent, wire.isHolding]).to.deep.equal([["ab"], false]);
    wire.write(message("c"));
    await turn();
    expect(sent).to.deep.equal(["ab", "c"]);
  });

  it("goes out before anything that does not wait, and before the end", () => {
    const { fake, wire, sent } = connect();
    wire.write(message("a"));
    fake._send(message("simple"));
    wire.write(message("b"));
    fake.end();
    expect(sent).to.deep.equal(["a", "simple", "b", "end"]);
  });

  it("gathers pieces in order, and none of them when one cannot be made", async () => {
    const { fake, wire, sent } = connect();
    const pieces = wire.gather(() => ["b", "c"].forEach((text) => fake._send(message(text))), message("a"));
    expect(pieces.toString()).to.equal("abc");
    const fail = () => {
      fake._send(message("lost"));
      throw new Error("no such value");
    };
    expect(() => wire.gather(fail)).to.throw("no such value");
    wire.write(message("next"));
    await turn();
    expect(sent).to.deep.equal(["next"]);
  });

  it("is sent in no tenant's context, whichever wrote first", async () => {
    const [first, second] = [connect(), connect()];
    const tenant = (id: number) => ({ id, uuid: `uuid-${id}`, slug: `t${id}` });
    runAsTenant(tenant(1), () => first.wire.write(message("a")));
    runAsTenant(tenant(2), () => second.wire.write(message("b")));
    await turn();
    expect([...first.senders, ...second.senders]).to.deep.equal([undefined, undefined]);
  });
});
