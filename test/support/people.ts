/** People of a company, made through its front door: an owner with a password, and whom the owner invites. */
import type { AskRuntime, Company, RuntimeAnswer } from "./runtime-client.ts";

export const peoplePassword = "uma frase que ninguém mais sabe";

export interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface Person {
  readonly id: string;
  readonly email: string;
  /** Access token of the session that the link opened. */
  readonly token: string;
  signIn(): Promise<Session>;
}

export interface People {
  readonly owner: Person;
  /** Invited, with a password, and signed in. */
  invite(fields?: Record<string, unknown>): Promise<Person>;
  post(path: string, body: unknown): Promise<RuntimeAnswer>;
}

let invited = 0;

/** Uses the owner's set-up link up. */
export async function openPeople(ask: AskRuntime, company: Company): Promise<People> {
  const post = (path: string, body: unknown) => ask(company.api, `POST ${path}`, { body });
  const arrive = async (setupUrl: string): Promise<Person> => {
    const token = new URL(setupUrl).hash.slice(1);
    const { status, body } = await post("/v1/auth/setup", { token, password: peoplePassword });
    if (status !== 200) throw new Error(`set-up answered ${status}: ${JSON.stringify(body)}`);
    const { id, email } = body.user;
    const signIn = async () => (await post("/v1/auth/login", { email, password: peoplePassword })).body as Session;
    return { id, email, token: body.accessToken, signIn };
  };
  const owner = await arrive(company.setupUrl);
  return {
    owner,
    post,
    async invite(fields = {}) {
      invited += 1;
      const body = { name: `Pessoa ${invited}`, email: `pessoa-${invited}@exemplo.com`, ...fields };
      const made = await ask(company.api, "POST /v1/users", { token: owner.token, body });
      if (made.status !== 201) throw new Error(`invitation answered ${made.status}: ${JSON.stringify(made.body)}`);
      return arrive(made.body.setupUrl);
    },
  };
}
