import { expect } from "chai";
import express from "express";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createApp } from "./http.ts";
import { expressMessages } from "./express-messages.ts";

describe("requests that are an application's from their birth", () => {
  it("are what Express makes of them, before Express has seen them", async () => {
    const app = createApp();
    app.use(express.json());
    app.post("/echo/:id", (req, res) => {
      res.status(201).json({ id: req.params["id"], host: req.hostname, body: req.body as unknown });
    });
    const seen: unknown[] = [];
    const server = createServer(expressMessages(app), (req, res) => {
      seen.push(Object.getPrototypeOf(req) === app.request, Object.getPrototypeOf(res) === app.response);
      app(req, res);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/echo/7`;
      const headers = { "content-type": "application/json" };
      // Twice on one connection.
      for (let i = 0; i < 2; i += 1) {
        const answer = await fetch(url, { method: "POST", headers, body: '{"a":1}' });
        expect(answer.status).to.equal(201);
        expect(await answer.json()).to.deep.equal({ id: "7", host: "127.0.0.1", body: { a: 1 } });
      }
      expect(seen).to.deep.equal([true, true, true, true]);
      const refused = await new Promise<number | undefined>((resolve, reject) => {
        const sent = request(url.replace("/echo/7", "/nowhere"), (res) => resolve(res.resume().statusCode));
        sent.on("error", reject).end();
      });
      expect(refused).to.equal(404);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
