/** Passwords cannot be guessed: ten wrong ones for an e-mail, thirty from an address, whichever process is asked. */
import { expect } from "chai";
import { createShutdown, type Shutdown } from "../core/shutdown.ts";
import { startRuntime } from "../tenant-runtime/start.ts";
import { openPeople, peoplePassword, type People, type Person } from "./support/people.ts";
import { usePlatform } from "./support/platform.ts";
import { testLog } from "./support/program-log.ts";
import { openCompany, runtimeClient, type AskRuntime, type Company } from "./support/runtime-client.ts";

describe("guessing passwords of a company's people", () => {
  const platform = usePlatform({ runtime: true, workers: true });
  const ask = runtimeClient(platform);
  let shutdown: Shutdown;
  let acme: Company;
  let people: People;

  before(async () => {
    shutdown = createShutdown(testLog());
    acme = await openCompany(platform, { plan: "enterprise" });
    people = await openPeople(ask, acme);
  });
  after(() => shutdown?.run("test over"));
  // All guesses of this file come from one address.
  beforeEach(async () => {
    const keys = await guessKeys();
    if (keys.length > 0) await platform.ctx.redis.del(...keys);
  });

  const guessKeys = () => platform.ctx.redis.keys(`tenant:{${acme.id}}:guess:*`);
  /** Another process of the runtime, which has counted nothing itself. */
  const freshProcess = async (config = {}): Promise<AskRuntime> => {
    const log = testLog();
    const { httpPort, httpsPort } = await startRuntime({ ...platform.config, ...config }, log, shutdown);
    return runtimeClient({ ...platform, httpPort, httpsPort });
  };
  const logIn = (email: string, password: string, client = ask) =>
    client(acme.api, "POST /v1/auth/login", { body: { email, password } });
  const guess = async (email: string, client = ask) => (await logIn(email, "errada errada", client)).status;
  const times = async (n: number, work: (i: number) => Promise<number>) => {
    const seen: number[] = [];
    for (let i = 0; i < n; i += 1) seen.push(await work(i));
    return seen;
  };
  const repeated = (status: number, n: number) => Array.from({ length: n }, () => status);

  it("ends after ten for one e-mail, in any spelling, everywhere, with Retry-After", async () => {
    const { email } = await people.invite();
    const spelt = (i: number) => (i % 2 === 0 ? email : email.toUpperCase());
    expect(await times(10, (i) => guess(spelt(i)))).to.deep.equal(repeated(401, 10));
    const second = await freshProcess();
    const refused = await logIn(email, peoplePassword, second);
    expect([refused.status, refused.body.code]).to.deep.equal([429, "too-many-requests"]);
    expect(Number(refused.headers["retry-after"])).to.be.within(1, 900);
    expect((await logIn(people.owner.email, peoplePassword, second)).status, "somebody else").to.equal(200);
  });

  it("cannot be done faster by asking at once", async () => {
    const { email } = await people.invite();
    const answers = await Promise.all(Array.from({ length: 16 }, () => guess(email)));
    expect(answers.filter((status) => status === 401)).to.have.length(10);
    expect(answers.filter((status) => status === 429)).to.have.length(6);
  });

  it("hides who is known: an unknown e-mail is refused at the same moment, in one text", async () => {
    const second = await freshProcess();
    const { email } = await people.invite();
    const story = async (who: string) => {
      const statuses = await times(11, () => guess(who, second));
      const { correlationId: _, ...words } = (await logIn(who, "errada errada", second)).body;
      return { statuses, words };
    };
    expect(await story("ninguem@exemplo.com")).to.deep.equal(await story(email));
  });

  it("is forgiven to an e-mail by the right password, and never to an address", async () => {
    const second = await freshProcess();
    const counted = async () => {
      const keys = (await guessKeys()).toSorted();
      return Promise.all(keys.map(async (key) => [key.split(":")[3], await platform.ctx.redis.get(key)]));
    };
    const bia: Person = await people.invite();
    await times(9, () => guess(bia.email, second));
    expect((await logIn(bia.email, peoplePassword, second)).status).to.equal(200);
    expect(await counted()).to.deep.equal([["address", "9"]]);
    expect(await times(9, () => guess(bia.email, second))).to.deep.equal(repeated(401, 9));
  });

  it("ends after thirty from one address, whatever the e-mails, on every process", async () => {
    const [second, third] = [await freshProcess(), await freshProcess()];
    const guesses = (from: number, client: AskRuntime) => times(15, (i) => guess(`p${from + i}@exemplo.com`, client));
    expect([...(await guesses(0, second)), ...(await guesses(15, third))]).to.deep.equal(repeated(401, 30));
    for (const client of [second, third]) expect(await guess("outra@exemplo.com", client)).to.equal(429);
    const { email } = people.owner;
    expect((await logIn(email, peoplePassword, second)).status, "the right password, from there").to.equal(429);
  });

  it("leaves nothing of a person in Redis, and nothing for ever", async () => {
    await guess(people.owner.email);
    const keys = await guessKeys();
    expect(keys).to.have.length(2);
    expect(keys.join()).not.to.match(/exemplo|@|127\.0/);
    for (const key of keys) expect(await platform.ctx.redis.ttl(key)).to.be.within(1, 900);
  });

  it("is held back by each process alone while Redis is away, and people still get in", async () => {
    // Nothing listens there.
    const lonely = await freshProcess({ REDIS_URL: "redis://127.0.0.1:9" });
    expect((await logIn(people.owner.email, peoplePassword, lonely)).status).to.equal(200);
    expect(await times(30, (i) => guess(`q${i}@exemplo.com`, lonely))).to.deep.equal(repeated(401, 30));
    expect(await guess("q30@exemplo.com", lonely)).to.equal(429);
  });
});
