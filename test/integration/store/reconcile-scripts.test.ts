import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { shardOfJob } from '../../../src/domain/shard.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import type { Repair } from '../../../src/store/reconcile-store.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { shardKeysOf, type ShardKeys } from '../../../src/store/redis/keys.js';
import { aJobDefinition, aToken, aTriggerWrite, EPOCH_1, queuedExecution } from '../../support/builders.js';

const LANES = ['default/handler/work'] as const;
const HOUR = 3_600_000;

/** One shard that holds an execution in each kind of state, triggers and jobs; consistent until a test breaks it. */
async function setup() {
  const cluster = `reconcile-${randomUUID()}`;
  const stores = new RedisStores(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { redis: inject('redisUrl'), cluster, requireDurability: true },
  );
  await stores.start();
  onTestFinished(() => stores.stop());
  const { executions, jobs, connection } = stores;
  const definition = aJobDefinition({ retention: { succeededMs: HOUR, failedMs: 2 * HOUR } });
  const first = await queuedExecution(stores, { definition });
  const { shard, execution: queued, trigger } = first;
  const job = queued.job;
  const now = await executions.serverTime();
  const others: string[] = [];
  for (const at of [1, 2, 3]) {
    const id = `${shard}-${String(now + at).padStart(15, '0')}-manual${at}` as typeof queued.id;
    const { state: _state, firedAt: _firedAt, attempt: _attempt, epoch: _epoch, ...fresh } = queued;
    await executions.run({ ...fresh, id, trigger: null, nominalAt: now + at, priority: 50 });
    others.push(id);
  }
  const token = aToken();
  const request = { lanes: LANES, limit: 3, worker: 'w1', leaseMs: HOUR, token };
  const claimed = await executions.claim(shard, request);
  expect(claimed.map(({ execution }) => execution.id)).toEqual(others);
  const [running = '', retrying = '', failed = ''] = others;
  await executions.settle(shard, [
    {
      id: retrying as never,
      token,
      settlement: { type: 'retry', error: { code: 'X', message: 'x' }, retryInMs: HOUR },
    },
    {
      id: failed as never,
      token,
      settlement: { type: 'failed', error: { code: 'X', message: 'x' }, reason: 'discarded', retentionMs: 2 * HOUR },
    },
  ]);
  await jobs.putTriggers(job, [aTriggerWrite('second', { watermark: now, dueAt: now + HOUR })]);
  const keys: ShardKeys = shardKeysOf(cluster, shard);
  const send = (command: string, ...args: (string | number)[]) => connection.send(command, args);
  const dump = async () => {
    const state: Record<string, unknown> = {};
    for (const [role, key] of Object.entries(keys) as [keyof ShardKeys, string][]) {
      if (role === 'fence') continue;
      const type = await send('TYPE', key);
      if (type === 'hash') state[role] = new Map(pairs((await send('HGETALL', key)) as string[]));
      if (type === 'zset') state[role] = await send('ZRANGE', key, 0, -1);
    }
    return state;
  };
  const reconcile = async (epoch: typeof EPOCH_1 | null = EPOCH_1): Promise<readonly Repair[]> => {
    const repairs: Repair[] = [];
    for (let cursor: string | null = null; ;) {
      const page = await stores.reconciling.reconcile(shard, { cursor, epoch });
      repairs.push(...page.repairs);
      if (page.nextCursor === null) return repairs;
      cursor = page.nextCursor;
    }
  };
  const score = (role: keyof ShardKeys, member: string) => send('ZSCORE', keys[role], member).then(Number);
  const ids = { queued: queued.id as string, running, retrying, failed };
  return { stores, shard, job, trigger, ids, now, keys, send, dump, reconcile, score };
}

type World = Awaited<ReturnType<typeof setup>>;

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((field, i) => (i % 2 === 0 ? [[field, flat[i + 1] ?? ''] as [string, string]] : []));
}

async function readyMember({ send, keys }: World): Promise<string> {
  return ((await send('ZRANGE', keys.ready, 0, -1)) as string[])[0] ?? '';
}

type Breakage = readonly [what: string, kind: string, doIt: (world: World) => Promise<unknown>];

/** Each breaks one entry; the repair brings back exactly what was there before. */
const BREAKAGES: readonly Breakage[] = [
  ['a queue entry is lost', 'queued-not-ready', async (w) => w.send('ZREM', w.keys.ready, await readyMember(w))],
  ['a lease is lost', 'running-without-lease', (w) => w.send('ZREM', w.keys.leases, w.ids.running)],
  ['a retry is lost', 'retrying-without-retry', (w) => w.send('ZREM', w.keys.retries, w.ids.retrying)],
  ['an end of retention is lost', 'ended-without-expiry', (w) => w.send('ZREM', w.keys.expiry, `x:${w.ids.failed}`)],
  ['a listing is lost', 'not-listed', (w) => w.send('ZREM', w.keys.history, `${w.job}/${w.ids.queued}`)],
  ['a queue entry has no record', 'ready-stale', (w) => w.send('ZADD', w.keys.ready, 0, 'l 100000000000000001 0-1-x')],
  [
    'an execution is queued with another priority',
    'ready-stale',
    async (w) => w.send('ZADD', w.keys.ready, 0, (await readyMember(w)).replace(/ \d{3}/, ' 001')),
  ],
  ['a lease has no record', 'lease-stale', (w) => w.send('ZADD', w.keys.leases, w.now, '0-1-x')],
  ['an ended execution has a lease', 'lease-stale', (w) => w.send('ZADD', w.keys.leases, w.now, w.ids.failed)],
  ['an ended execution has a retry', 'retry-stale', (w) => w.send('ZADD', w.keys.retries, w.now, w.ids.failed)],
  ['a running execution will expire', 'expiry-stale', (w) => w.send('ZADD', w.keys.expiry, 1, `x:${w.ids.running}`)],
  ['a listing has no record', 'listed-stale', (w) => w.send('ZADD', w.keys.history, 0, `${w.job}/0-1-x`)],
  ['a job is not listed', 'job-not-listed', (w) => w.send('ZREM', w.keys.jobNames, w.job)],
  ['a listed job does not exist', 'job-listed-stale', (w) => w.send('ZADD', w.keys.jobNames, 0, 'shop/none')],
  ['a due entry has no trigger', 'due-stale', (w) => w.send('ZADD', w.keys.due, 1, `${w.job}/none`)],
  ['a finished trigger does not exist', 'expiry-stale', (w) => w.send('ZADD', w.keys.expiry, 1, `t:${w.job}/none`)],
  ['a trigger that is due will expire', 'expiry-stale', (w) => w.send('ZADD', w.keys.expiry, 1, `t:${w.trigger.key}`)],
  ['a deletion that nobody began is noted', 'expiry-stale', (w) => w.send('ZADD', w.keys.expiry, 1, `j:${w.job}`)],
  [
    'a trigger is of no job',
    'trigger-without-job',
    (w) => w.send('HSET', w.keys.triggers, 'shop/none/default', '1|0|0|\ne1000'),
  ],
  [
    'the number of triggers is wrong',
    'trigger-count-wrong',
    (w) => w.send('HSET', w.keys.triggerNames, w.job, '9 default second'),
  ],
  [
    'a name without a trigger is listed',
    'trigger-count-wrong',
    (w) => w.send('HSET', w.keys.triggerNames, w.job, '3 default second third'),
  ],
];

describe('reconcile', () => {
  it('finds nothing in a shard that nobody has broken', async () => {
    const { reconcile, dump } = await setup();
    const before = await dump();
    expect(await reconcile()).toEqual([]);
    expect(await dump()).toEqual(before);
  });

  it.each(BREAKAGES)('when %s: repairs exactly that (%s), once', async (_what, kind, doIt) => {
    const world = await setup();
    const { reconcile, dump } = world;
    const before = await dump();
    await doIt(world);
    const broken = await dump();
    expect(broken).not.toEqual(before);
    expect([...new Set((await reconcile(null)).map((repair) => repair.kind))]).toEqual([kind]);
    expect(await dump()).toEqual(broken);
    expect((await reconcile()).map((repair) => repair.kind)).toEqual([kind]);
    expect(await dump()).toEqual(before);
    expect(await reconcile()).toEqual([]);
  });

  it('gives a lost lease time for its worker, a lost retry none, and keeps a record as long as its job says', async () => {
    const { send, keys, ids, reconcile, score, stores, shard } = await setup();
    const finishedAt = Number((await stores.executions.getExecution(ids.failed as never))?.finishedAt);
    await send('ZREM', keys.leases, ids.running);
    await send('ZREM', keys.retries, ids.retrying);
    await send('ZREM', keys.expiry, `x:${ids.failed}`);
    const now = await stores.executions.serverTime();
    await reconcile();
    expect(await score('leases', ids.running)).toBeGreaterThanOrEqual(now + 60_000);
    expect(await score('expiry', `x:${ids.failed}`)).toBe(finishedAt + 2 * HOUR);
    expect(await stores.executions.requeueRetries(shard, EPOCH_1, 10)).toBe(1);
  });

  it('lists the triggers of a job whose list was lost', async () => {
    const { send, keys, job, reconcile, dump } = await setup();
    await send('HDEL', keys.triggerNames, job);
    expect((await reconcile()).map(({ kind }) => kind)).toEqual(['trigger-not-listed', 'trigger-not-listed']);
    const names = ((await dump())['triggerNames'] as Map<string, string>).get(job);
    expect(names?.split(' ').sort()).toEqual(['2', 'default', 'second']);
  });

  it('has a deletion finished that was begun and forgotten', async () => {
    const { stores, send, keys, job, reconcile, shard } = await setup();
    await send('HSET', keys.jobs, job, '-');
    await send('ZREM', keys.jobNames, job);
    expect((await reconcile()).map(({ kind }) => kind)).toEqual(['deletion-forgotten']);
    await stores.executions.deleteExpired(shard, EPOCH_1, 100);
    expect(await send('HLEN', keys.triggers)).toBe(0);
    expect(await send('HLEN', keys.jobs)).toBe(0);
  });

  it('lists a copy of a job whose home is another shard as a copy, not as a job', async () => {
    const { stores, send, keys, shard, reconcile } = await setup();
    const { shardCount } = stores.executions;
    const name = Array.from({ length: 50 }, (_, i) => `shop/copy-${i}`).find(
      (key) => shardOfJob(key, shardCount) !== shard,
    );
    const { jobs } = keys;
    const [record] = ((await send('HVALS', jobs)) as string[]) ?? [];
    await send('HSET', jobs, name ?? '', record ?? '');
    expect(await reconcile()).toEqual([{ kind: 'job-not-listed', subject: `=${name}` }]);
    expect(await reconcile()).toEqual([]);
    const { items } = await stores.jobs.listJobs({ namespace: 'shop', search: 'copy', limit: 10 });
    expect(items).toEqual([]);
  });

  it('leaves a record that cannot be read to people', async () => {
    const { send, keys, reconcile } = await setup();
    await send('HSET', keys.executions, '0-1-x', 'queued');
    expect(await reconcile()).toEqual([]);
  });

  it('refuses a leader of the past before anything is written, but lets anybody look', async () => {
    const { stores, send, keys, ids, shard, dump, reconcile } = await setup();
    await send('ZREM', keys.leases, ids.running);
    const before = await dump();
    await stores.executions.sealFence(shard, 5 as typeof EPOCH_1, 'next');
    await expect(reconcile()).rejects.toMatchObject({ code: 'CJ_EPOCH_STALE' });
    expect(await reconcile(null)).toContainEqual({ kind: 'running-without-lease', subject: ids.running });
    expect(await dump()).toEqual(before);
  });

  it('looks at a large shard in small pieces', async () => {
    const { stores, send, keys, shard } = await setup();
    const members = Array.from({ length: 5000 }, (_, i) => [0, `shop/x/0-${i}-x`]).flat();
    for (let from = 0; from < members.length; from += 2000)
      await send('ZADD', keys.history, ...members.slice(from, from + 2000));
    let largest = 0;
    let found = 0;
    for (let cursor: string | null = null; ;) {
      const page = await stores.reconciling.reconcile(shard, { cursor, epoch: null });
      largest = Math.max(largest, page.seenCount);
      found += page.repairs.length;
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(found).toBeGreaterThanOrEqual(5000);
    expect(largest).toBeLessThan(1000);
  });
});
