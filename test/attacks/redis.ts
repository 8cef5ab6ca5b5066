/** What a company's own Redis user may do to other companies, to the platform and to the server. */
import { expect } from "chai";
import { redisPassword } from "../../core/tenant-secrets.ts";
import { redisUser } from "../../core/tenant.ts";
import type { Attack } from "./attack.ts";
import { openRedisOf, type World } from "./world.ts";

type Command = readonly [string, ...(string | number)[]];

const usesItsOwn = async ({ redis, a }: World): Promise<void> => {
  const key = `tenant:{${a.id}}:own`;
  expect(await redis.set(key, "1")).to.equal("OK");
  expect(await redis.hget(`tenant:{${a.id}}:meta`, "slug")).to.equal(a.slug);
  expect(await redis.eval("return redis.call('GET', KEYS[1])", 1, key)).to.equal("1");
};

const noPermission =
  /NOPERM|no permissions|No permissions|can't access at least one of the keys|unknown command|command not allowed/i;

const forbidden = (name: string, defence: string, commands: (world: World) => Command[]): Attack => ({
  name,
  defence,
  control: usesItsOwn,
  async run(world) {
    for (const [command, ...args] of commands(world)) {
      const outcome = await world.redis.call(command, ...args).then(
        (value) => `answered ${JSON.stringify(value)}`,
        (error: Error) => error.message,
      );
      expect(outcome, `${command} ${args.join(" ")}`).to.match(noPermission);
    }
  },
});

const keyOf = ({ b }: World, name: string): string => `tenant:{${b.id}}:${name}`;
const ownKey = ({ a }: World, name: string): string => `tenant:{${a.id}}:${name}`;

export const redisAttacks: readonly Attack[] = [
  forbidden("reads the victim's keys", "keys of a Redis user", (world) => [
    ["HGETALL", keyOf(world, "meta")],
    ["GET", keyOf(world, "own")],
    ["XRANGE", keyOf(world, "events"), "-", "+"],
    ["TYPE", keyOf(world, "meta")],
    ["EXISTS", keyOf(world, "meta")],
    ["DUMP", keyOf(world, "meta")],
    ["OBJECT", "ENCODING", keyOf(world, "meta")],
    ["MEMORY", "USAGE", keyOf(world, "meta")],
  ]),
  forbidden("writes the victim's keys", "keys of a Redis user", (world) => [
    ["HSET", keyOf(world, "meta"), "slug", "x"],
    ["SET", keyOf(world, "own"), "1"],
    ["DEL", keyOf(world, "meta")],
    ["UNLINK", keyOf(world, "meta")],
    ["EXPIRE", keyOf(world, "meta"), 1],
  ]),
  forbidden("moves and copies between the namespaces", "keys of a Redis user", (world) => [
    ["RENAME", ownKey(world, "own"), keyOf(world, "own")],
    ["COPY", keyOf(world, "meta"), ownKey(world, "stolen")],
    ["RENAMENX", keyOf(world, "meta"), ownKey(world, "stolen")],
    ["SUNIONSTORE", ownKey(world, "stolen"), keyOf(world, "workers")],
    ["LMOVE", keyOf(world, "queue:default:wait"), ownKey(world, "stolen"), "LEFT", "RIGHT"],
    ["BITOP", "NOT", ownKey(world, "stolen"), keyOf(world, "own")],
  ]),
  forbidden("names one key of its own and one of the victim", "keys of a Redis user", (world) => [
    ["MGET", ownKey(world, "own"), keyOf(world, "own")],
    ["DEL", ownKey(world, "own"), keyOf(world, "meta")],
    ["XREAD", "STREAMS", ownKey(world, "events"), keyOf(world, "events"), "0", "0"],
  ]),
  forbidden("reaches the victim's keys from a script", "keys of a Redis user", (world) => [
    ["EVAL", "return redis.call('HGETALL', ARGV[1])", 0, keyOf(world, "meta")],
    ["EVAL", "return redis.call('DEL', KEYS[1])", 1, keyOf(world, "meta")],
    [
      "EVAL",
      "return redis.call('XADD', ARGV[1], '*', 'type', 'chat.reply')",
      1,
      ownKey(world, "own"),
      keyOf(world, "events"),
    ],
  ]),
  forbidden("sorts by the victim's keys", "keys of a Redis user", (world) => [
    ["SORT", ownKey(world, "list"), "BY", "nosort", "GET", `${keyOf(world, "meta")}->slug`],
  ]),
  forbidden("puts a job into the victim's queue", "keys of a Redis user", (world) => [
    ["LPUSH", keyOf(world, "queue:default:wait"), "1"],
    ["ZADD", keyOf(world, "queue:default:marker"), 0, "0"],
    ["HSET", keyOf(world, "queue:default:1"), "name", "chat.reply"],
  ]),
  forbidden("orders workers in the platform's queue", "keys of a Redis user", () => [
    ["LPUSH", "secretaria:queue:workers:wait", "1"],
    ["HGETALL", "secretaria:queue:workers:meta"],
  ]),
  forbidden("registers a worker of the victim", "keys of a Redis user", (world) => [
    ["SADD", keyOf(world, "workers"), "x"],
    ["HSET", keyOf(world, "worker:x"), "pid", "1"],
  ]),
  forbidden("makes up a namespace that looks like the victim's", "keys of a Redis user", ({ a, b }) => [
    ["SET", `tenant:{${a.id}}`, "1"],
    ["SET", `tenant:{${a.id}${b.id}}:x`, "1"],
    ["SET", `tenant:${a.id}:x`, "1"],
    ["SET", `x:tenant:{${a.id}}:x`, "1"],
    ["SET", "", "1"],
  ]),
  forbidden("looks through all keys of the server", "commands that see all keys", () => [
    ["SCAN", 0],
    ["SCAN", 0, "MATCH", "tenant:*"],
    ["RANDOMKEY"],
    ["DBSIZE"],
    ["KEYS", "*"],
  ]),
  forbidden("goes to another database of the server", "commands that see all keys", () => [
    ["SELECT", 1],
    ["SWAPDB", 0, 1],
    ["MOVE", "x", 1],
  ]),
  forbidden("hears or says what is on channels", "commands of a Redis user", ({ b }) => [
    ["PUBLISH", "secretaria:wake", String(b.id)],
    ["SUBSCRIBE", "secretaria:wake"],
    ["PSUBSCRIBE", "*"],
    ["SPUBLISH", "secretaria:wake", String(b.id)],
    ["PUBSUB", "CHANNELS"],
  ]),
  forbidden("gives itself more rights", "commands of a Redis user", ({ a }) => [
    ["ACL", "SETUSER", redisUser(a.id), "~*", "+@all"],
    ["ACL", "LIST"],
    ["ACL", "GETUSER", redisUser(a.id)],
    ["CONFIG", "GET", "*"],
    ["CONFIG", "SET", "requirepass", ""],
    ["MODULE", "LIST"],
  ]),
  forbidden("watches and stops what others do", "commands of a Redis user", () => [
    ["MONITOR"],
    ["CLIENT", "LIST"],
    ["CLIENT", "KILL", "TYPE", "normal"],
    ["SLOWLOG", "GET"],
    ["FLUSHALL"],
    ["FLUSHDB"],
    ["SHUTDOWN"],
    ["DEBUG", "SLEEP", "0"],
    ["SCRIPT", "FLUSH"],
    ["SCRIPT", "KILL"],
    ["REPLICAOF", "127.0.0.1", "1"],
  ]),
  forbidden("leaves functions behind for others", "commands that see all keys", () => [
    ["FUNCTION", "LOAD", "#!lua name=mine\nredis.register_function('mine', function() return 1 end)"],
    ["FUNCTION", "LIST"],
    ["FUNCTION", "FLUSH"],
  ]),
  {
    name: "logs in as the victim with its own password",
    defence: "a password for each Redis user",
    control: usesItsOwn,
    async run({ platform, a, b }) {
      const redis = openRedisOf(platform, a, redisUser(b.id));
      try {
        const answer = await redis.hgetall(`tenant:{${b.id}}:meta`).catch(() => ({}));
        expect(answer).to.deep.equal({});
        const own = redisPassword(platform.ctx.secrets, a.id);
        expect(own).not.to.equal(redisPassword(platform.ctx.secrets, b.id));
      } finally {
        redis.disconnect();
      }
    },
  },
];
