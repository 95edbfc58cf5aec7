import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inject, onTestFinished } from 'vitest';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisConnection, type RedisArg } from '../../../src/store/redis/connection.js';
import { shardKeysOf, type ShardKeys } from '../../../src/store/redis/keys.js';
import { SCRIPT_FOLDER, SCRIPT_NAMES, type ScriptName } from '../../../src/store/redis/script-manifest.js';
import { ScriptRunner } from '../../../src/store/redis/script-runner.js';

/** The roles of a script's keys, in order, as its header names them. */
export function keyRoles(script: ScriptName): (keyof ShardKeys)[] {
  const text = readFileSync(new URL(`${script}.lua`, SCRIPT_FOLDER), 'utf8');
  return [...text.matchAll(/^-- KEYS\[\d+\] (\w+)/gm)].map(
    ([, role = '']) => role.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) as keyof ShardKeys,
  );
}

export type Reply = (number | string | null)[];

/** One empty shard in a real Redis, with its scripts. */
export async function openShard() {
  const connection = new RedisConnection(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { source: inject('redisUrl') },
  );
  await connection.start();
  onTestFinished(() => connection.stop());
  const keys = shardKeysOf(`script-${randomUUID()}`, 0);
  const scripts = new ScriptRunner({ connection }, { folder: SCRIPT_FOLDER, names: SCRIPT_NAMES });

  return {
    connection,
    keys,
    async run(name: ScriptName, ...args: RedisArg[]): Promise<Reply> {
      return (await scripts.run(
        name,
        keyRoles(name).map((role) => keys[role]),
        args,
      )) as Reply;
    },
    send: (command: string, ...args: RedisArg[]) => connection.send(command, args),
    async now(): Promise<number> {
      const [seconds, micros] = (await connection.send('TIME', [])) as [string, string];
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    },
    /** Everything stored, by role of the key: hashes as objects, sorted sets as lists of `member score`. */
    async dump(): Promise<Partial<Record<keyof ShardKeys, Record<string, string> | string[]>>> {
      const content: Partial<Record<keyof ShardKeys, Record<string, string> | string[]>> = {};
      for (const [role, key] of Object.entries(keys) as [keyof ShardKeys, string][]) {
        const type = await connection.send('TYPE', [key]);
        if (type === 'hash') content[role] = pairs((await connection.send('HGETALL', [key])) as string[]);
        if (type === 'zset') {
          const entries = pairs((await connection.send('ZRANGE', [key, 0, -1, 'WITHSCORES'])) as string[]);
          content[role] = Object.entries(entries).map(([member, score]) => `${member} ${score}`);
        }
      }
      return content;
    },
  };
}

export type Shard = Awaited<ReturnType<typeof openShard>>;

function pairs(flat: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) result[flat[i] ?? ''] = flat[i + 1] ?? '';
  return result;
}

// ── records as they stand in Redis ────────────────────────────────────────────────────────────────────────

export const JOB = 'shop/nightly';
export const TRIGGER = `${JOB}/default`;
export const LANE = 'default/handler/work';
export const ORDER = `${LANE} 100000000000001000`;
/** The identity part of ids is the same for all fires of a trigger. */
export const ID = '0-000000000001000-aaaa';
export const ID_2 = '0-000000000002000-aaaa';
export const LINES = `|${JOB}|default|\n\n\n`;
const FACTS = `${LANE} 100|3|1000|2000`;

/** Stores a job of version 1 whose triggers become due at the given instants. */
export async function putJob(shard: Shard, triggers: Record<string, number | ''> = {}): Promise<void> {
  const writes = Object.entries(triggers).flatMap(([name, dueAt]) => [name, 'e1000', 0, dueAt]);
  await shard.run('put_job', JOB, '', '{}', FACTS, 'wake', '', 0, ...writes);
}

export const EPOCH = 7;

interface Firing {
  readonly epoch?: number;
  readonly trigger?: string;
  readonly jobVersion?: number;
  readonly expected?: string;
  readonly watermark?: number;
  readonly dueAt?: number;
  readonly nextDueAt?: number | '';
  readonly isSkipping?: boolean;
  readonly ids?: readonly string[];
  readonly missed?: readonly string[];
}

/** Runs `fire` with one decision about a trigger that was put with watermark 0. */
export function fire(shard: Shard, firing: Firing = {}): Promise<Reply> {
  const { epoch = EPOCH, trigger = TRIGGER, jobVersion = 1, expected = '1|0|', watermark = 1000 } = firing;
  const { dueAt = 1000, nextDueAt = 2000, isSkipping = true, ids = [ID], missed = [] } = firing;
  const head = [epoch, 'ready:', 0, 5000, 1, 1, ids.length + missed.length, JOB, jobVersion, trigger];
  const decision = [
    1,
    expected,
    `1|${watermark}|`,
    dueAt,
    nextDueAt,
    isSkipping ? 1 : 0,
    60_000,
    ids.length,
    missed.length,
  ];
  const records = [
    ...ids.flatMap(() => [3, ORDER, LINES]),
    ...missed.flatMap(() => ['misfire-skip', '000000000001000', `|${JOB}|default|\n\n{"count":2}\n`]),
  ];
  return shard.run('fire', ...head, ...decision, ...ids, ...missed, ...records);
}

/** Stores a job, fires its trigger once and claims the execution under `token`. */
export async function claimed(shard: Shard, { token = 't1', leaseMs = 60_000 } = {}): Promise<void> {
  await putJob(shard, { default: 1000 });
  await fire(shard);
  await shard.run('claim', 'w1', token, leaseMs, 10, LANE);
}

/** The state line of a stored execution, as fields. */
export async function stateOf(shard: Shard, id = ID): Promise<string[]> {
  const record = String(await shard.send('HGET', shard.keys.executions, id));
  return record.slice(0, record.indexOf('\n')).split('|');
}
