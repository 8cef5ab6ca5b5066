/**
 * Questions that come at the same moment, asked as one: a process that has just started, or has lost touch with the
 * registry for a moment, asks about all its tenants at once, and each question of its own would cost ten times as much.
 */

/** @returns what the keys that are known stand for; a key that is missing is not known. */
export type AskAll<T> = (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>;

/** Questions in one message. */
const most = 100;
/** Messages under way; what comes meanwhile is gathered for the next. */
const atOnce = 2;

interface Question<T> {
  readonly key: string;
  readonly resolve: (answer: T | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Nothing that is asked waits for longer than two messages take. @throws what `askAll` throws, to all it was asked for. */
export function askTogether<T>(askAll: AskAll<T>): (key: string) => Promise<T | undefined> {
  const waiting: Question<T>[] = [];
  let underWay = 0;
  let isPlanned = false;
  const ask = async (questions: readonly Question<T>[]) => {
    underWay += 1;
    try {
      const answers = await askAll(questions.map(({ key }) => key));
      for (const { key, resolve } of questions) resolve(answers.get(key));
    } catch (error) {
      for (const { reject } of questions) reject(error);
    } finally {
      underWay -= 1;
      askNext();
    }
  };
  const askNext = () => {
    isPlanned = false;
    for (let free = atOnce - underWay; free > 0 && waiting.length > 0; free -= 1) void ask(waiting.splice(0, most));
  };
  return (key) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      if (isPlanned || underWay >= atOnce) return;
      isPlanned = true;
      setImmediate(askNext);
    });
}
