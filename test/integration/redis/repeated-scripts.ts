import { expect } from 'vitest';
import { MAILBOX_SCRIPTS } from '../../../src/comet/redis/mailbox-scripts.js';
import type { RedisArg, RedisConnection } from '../../../src/store/redis/connection.js';
import { loadScript } from '../../../src/store/redis/lua-scripts.js';
import { SCRIPT_CODES as CODES, SCRIPT_FOLDER, SCRIPT_NAMES } from '../../../src/store/redis/script-manifest.js';

const MAILBOX_FOLDER = new URL('../../../src/comet/redis/lua/', import.meta.url);

/** Name of each script by its text's hash. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ...SCRIPT_NAMES.map((name) => [loadScript(SCRIPT_FOLDER, name).sha, name] as const),
  ...MAILBOX_SCRIPTS.map((name) => [loadScript(MAILBOX_FOLDER, name).sha, name] as const),
]);

/** Takes what is next each time, so that a repetition goes on with the piece that follows: nothing is done twice. */
const TAKES_NEXT = new Set(['delete_expired', 'rescue_expired', 'requeue_retries']);
/** A repetition raises a number once more than needed, which nobody minds. */
const COUNTS_ON = new Set(['mark_progress', 'record_rollback', 'raise_fence', 'touch_calendars']);
/** A repetition moves an instant of now: the end of a lease, when a device or a connection was last heard of. */
const MOVES_AN_INSTANT = new Set(['extend', 'acknowledge_messages', 'put_route']);

/** A number in the answer is an instant, or counts what this very call has changed. */
const COUNTS = new Set(['list_inbox', 'move_due', 'append_message', 'record_receipt']);

/** What a repetition may say in place of the first word. The rest of the answer is the same, but where noted. */
const SAID_AGAIN: Readonly<Record<string, ReadonlyMap<unknown, unknown>>> = {
  put_job: new Map([
    [CODES.CREATED, CODES.UNCHANGED],
    [CODES.CHANGED, CODES.UNCHANGED],
  ]),
  put_triggers: new Map([
    [CODES.CREATED, CODES.UNCHANGED],
    [CODES.CHANGED, CODES.UNCHANGED],
  ]),
  put_calendar: new Map([
    [CODES.CREATED, CODES.UNCHANGED],
    [CODES.CHANGED, CODES.UNCHANGED],
  ]),
  pause_job: new Map([[CODES.CHANGED, CODES.UNCHANGED]]),
  resume_job: new Map([[CODES.CHANGED, CODES.UNCHANGED]]),
  delete_job: new Map([
    [CODES.DELETED, CODES.NOT_FOUND],
    [CODES.DELETING, CODES.NOT_FOUND],
  ]),
  delete_trigger: new Map([[CODES.DELETED, CODES.NOT_FOUND]]),
  delete_calendar: new Map([[CODES.DELETED, CODES.NOT_FOUND]]),
  settle: new Map([[CODES.SETTLED, CODES.REPEATED]]),
  fire: new Map([
    [CODES.FIRED, CODES.STALE],
    [CODES.WAITING, CODES.STALE],
  ]),
  remove_route: new Map([[1, 2]]),
};

/** How often each script was seen twice. */
export const seenTwice = new Map<string, number>();

/**
 * Makes the connection run every script twice, as if its first answer had been lost, and checks that the second
 * run changes nothing and says the same, or what `SAID_AGAIN` has for it. The caller gets the first answer where
 * the two differ by that, else the second.
 */
export function repeatScripts(connection: RedisConnection): void {
  const send = connection.send.bind(connection);
  let previous: Promise<unknown> = Promise.resolve();
  connection.send = (command: string, args: readonly RedisArg[]): Promise<unknown> => {
    if (command !== 'EVALSHA' && command !== 'EVAL') return send(command, args);
    // One after another: what changes between two runs is the second run's doing.
    const result = previous.then(() => runTwice(command, args));
    previous = result.catch(() => undefined);
    return result;
  };
  const runTwice = async (command: string, args: readonly RedisArg[]): Promise<unknown> => {
    const first = await send(command, args);
    const name = NAMES.get(String(args[0])) ?? 'brought with its text';
    if (COUNTS_ON.has(name) || command === 'EVAL') return first;
    if (TAKES_NEXT.has(name) && !isExhausted(args, first)) return first;
    seenTwice.set(name, (seenTwice.get(name) ?? 0) + 1);
    const keys = args.slice(2, 2 + Number(args[1]));
    const dump = (): Promise<unknown[]> => Promise.all(keys.map((key) => contentOf(send, String(key))));
    const before = await dump();
    const second = await send(command, args);
    if (!MOVES_AN_INSTANT.has(name)) expect(await dump(), `${name}, run again, changes nothing`).toEqual(before);
    checkAnswers(name, first, second);
    return name in SAID_AGAIN || TAKES_NEXT.has(name) || COUNTS.has(name) ? first : second;
  };
}

type Send = RedisConnection['send'];

/** Everything under a key, in an order of its own. */
export async function contentOf(send: Send, key: string): Promise<unknown> {
  switch (await send('TYPE', [key])) {
    case 'hash': {
      const flat = (await send('HGETALL', [key])) as string[];
      const fields = flat.flatMap((field, index) => (index % 2 === 0 ? [`${field} = ${String(flat[index + 1])}`] : []));
      return fields.sort();
    }
    case 'zset':
      return send('ZRANGE', [key, 0, -1, 'WITHSCORES']);
    case 'stream':
      return send('XRANGE', [key, '-', '+']);
    case 'string':
      return send('GET', [key]);
    default:
      return null;
  }
}

/** Whether the call took less than it might have: then nothing is left to take. */
function isExhausted(args: readonly RedisArg[], reply: unknown): boolean {
  const limit = Number(args[2 + Number(args[1]) + 1]);
  const [code, ...counts] = reply as unknown[];
  const taken = counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 1), 0);
  return code === CODES.OK && taken < limit;
}

function checkAnswers(name: string, first: unknown, second: unknown): void {
  if (TAKES_NEXT.has(name)) {
    expect((second as unknown[]).slice(1).every((count) => count === 0 || typeof count === 'string')).toBe(true);
    return;
  }
  if (COUNTS.has(name)) return;
  const again = SAID_AGAIN[name];
  if (again === undefined || !Array.isArray(first)) {
    expect(second, `${name}, run again, says the same`).toEqual(first);
    return;
  }
  const said = second as unknown[];
  // A decision that was applied is stale, and what it skipped is not counted again.
  if (name === 'fire') return;
  // Asked for a new one.
  if (said[0] === CODES.CONFLICT && first.includes(CODES.CREATED)) return;
  first.forEach((word: unknown, index) => {
    const allowed = again.has(word) ? [word, again.get(word)] : [word];
    if (said[0] === CODES.NOT_FOUND && index > 0) return;
    expect(allowed, `${name}, run again, says ${String(said[index])} at ${index}`).toContainEqual(said[index]);
  });
}
