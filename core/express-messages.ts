/**
 * Requests and answers that are an application's from their birth. Express gives each the application's prototype when it
 * arrives; on Node 20 an object whose prototype was changed stays slow for the rest of its life, also for the garbage
 * collector: half of the processor time of a small answer, and nothing of it on Node 24. Born with that prototype there is
 * nothing to change.
 */
import { IncomingMessage, ServerResponse, type ServerOptions } from "node:http";
import type { Express } from "express";

export type MessageClasses = Pick<ServerOptions, "IncomingMessage" | "ServerResponse">;

/** Options for `createServer` of `node:http` and `node:https`, whose listener is the same application. */
export function expressMessages(app: Express): MessageClasses {
  // What `class` makes can be called by `new` only; then Express does what it always did.
  if ([IncomingMessage, ServerResponse].some((parent) => /^class\b/.test(String(parent)))) return {};
  return {
    IncomingMessage: born(IncomingMessage, app.request),
    ServerResponse: born(ServerResponse, app.response),
  };
}

/** Both constructors take two things at most. `Reflect.construct` would do for classes too, and is slower than Express. */
function born<T extends NewableFunction>(parent: T, prototype: object): T {
  const fill = parent as unknown as (this: object, first: unknown, second: unknown) => void;
  function Born(this: object, first: unknown, second: unknown): void {
    fill.call(this, first, second);
  }
  return Object.setPrototypeOf(Object.assign(Born, { prototype }), parent) as T;
}
