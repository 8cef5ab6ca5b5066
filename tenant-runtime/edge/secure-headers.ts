import type { RequestHandler } from "express";
import helmet from "helmet";
import { requestedHost } from "../resolution/host-name.ts";

const yearSeconds = 365 * 86_400;

/** Pages load nothing from elsewhere and run no inline script; nothing is kept by caches unless a route says so. */
export function secureHeaders(): RequestHandler[] {
  return [
    helmet({
      strictTransportSecurity: false,
      xFrameOptions: { action: "deny" },
      // 'no-referrer' would make browsers send 'Origin: null' with our own forms.
      referrerPolicy: { policy: "same-origin" },
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'self'"],
          imgSrc: ["'self'", "data:"],
          objectSrc: ["'none'"],
          baseUri: ["'none'"],
          formAction: ["'self'"],
          frameAncestors: ["'none'"],
        },
      },
    }),
    (req, res, next) => {
      res.set("Cache-Control", "no-store");
      if (req.secure && !isLocal(requestedHost(req))) res.set("Strict-Transport-Security", `max-age=${yearSeconds}`);
      next();
    },
  ];
}

/** Names of the developer's own machine: a browser that learnt HSTS for them would lock other servers there out. */
const isLocal = (host: string | undefined): boolean => host === undefined || /(^|\.)localhost$/.test(host);
