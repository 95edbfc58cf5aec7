import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { StoreClient } from '../../src/client/store-client.js';
import type { Execution } from '../../src/domain/execution.js';
import { planFires } from '../../src/domain/fire-plan.js';
import { epochOf, shardOfJob } from '../../src/domain/shard.js';
import { compileTrigger, type TriggerDefinition } from '../../src/domain/trigger.js';
import { silentLogger as logger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import type { Stores } from '../../src/store/stores.js';
import { aJobDefinition } from '../support/builders.js';
import { eventually } from '../support/wait.js';

const HOUR = 3_600_000;
const JOB = 'app/report';

async function overRedis(): Promise<Stores> {
  const stores = new RedisStores(
    { clock: systemClock, logger, metrics: new Metrics() },
    { redis: inject('redisUrl'), cluster: `undecided-${randomUUID()}`, shardCount: 3, requireDurability: false },
  );
  await stores.start();
  return stores;
}

async function inMemory(): Promise<Stores> {
  const stores = new MemoryStores({ clock: systemClock }, { shardCount: 3 });
  await stores.start();
  return stores;
}

describe.each([
  ['in Redis', overRedis],
  ['in memory', inMemory],
])('a trigger that is written anew while it is due, %s', (_name, open) => {
  let stores: Stores;
  let client: StoreClient;
  let metrics: Metrics;
  /** Half an hour ago: all triggers are due every hour. */
  let last: number;
  let hourly: { readonly type: 'every'; readonly everyMs: number; readonly anchor: string };

  beforeEach(async () => {
    stores = await open();
    metrics = new Metrics();
    client = new StoreClient({ stores, metrics }, { namespace: 'app' });
    last = (await stores.executions.serverTime()) - HOUR / 2;
    hourly = { type: 'every', everyMs: HOUR, anchor: new Date(last).toISOString() };
  });

  afterEach(() => stores.stop());

  /** Nobody leads: `count` times wait for a decision, the last of them `last`. */
  async function behind(
    count: number,
    {
      name = 'default',
      partitioned,
      ...fields
    }: Partial<TriggerDefinition> & { name?: string; partitioned?: true } = {},
  ): Promise<void> {
    const place = partitioned === undefined ? {} : { partitioned };
    await stores.jobs.putJob({ key: JOB, definition: aJobDefinition({ misfire: { policy: 'fireAll' }, ...place }) });
    const definition: TriggerDefinition = { schedule: hourly, timeZone: 'UTC', ...fields };
    const watermark = last - count * HOUR;
    const next = { nominalAt: watermark + HOUR, dueAt: watermark + HOUR };
    await stores.jobs.putTriggers(JOB, [{ name, definition, watermark, next }]);
  }

  async function records(): Promise<readonly Execution[]> {
    const { items } = await stores.executions.listExecutions({ namespace: 'app', limit: 100 });
    return items;
  }

  const replaced = (count: number, reason = 'replaced') => ({
    ...{ state: 'missed', reason, nominalAt: last - (count - 1) * HOUR },
    missed: { count, throughAt: last },
  });

  it('leaves a record of what was due, an event and a count, and starts from now', async () => {
    const events: ClusterEvent[] = [];
    await stores.events.subscribe((event) => void events.push(event));
    await behind(5);
    const { trigger } = await client.putTrigger('report', { name: 'default', schedule: hourly, data: 'new' });
    expect(trigger).toMatchObject({ data: 'new', version: 2 });
    expect(await records()).toMatchObject([replaced(5)]);
    expect((await stores.jobs.getTrigger(`${JOB}/default`))?.dueAt).toBeGreaterThan(last);
    expect((await metrics.misses.get()).values).toMatchObject([{ value: 5, labels: { reason: 'replaced' } }]);
    const missed = { job: 'report', trigger: 'default', count: 5, reason: 'replaced', throughAt: last };
    await eventually('the event', () => events.length > 0);
    expect(events).toMatchObject([{ type: 'missed', namespace: 'app', facts: missed }]);
  });

  it.each([
    ['a patch', 'replaced', () => client.patchTrigger('report', 'default', { data: 1 })],
    ['a pause', 'paused', () => client.pauseTrigger('report', 'default')],
    ['an import', 'replaced', () => client.putTriggers('report', [{ name: 'default', schedule: hourly, data: 1 }])],
    [
      'its job',
      'replaced',
      () =>
        client.putJob({
          ...{ name: 'report', target: { type: 'handler', handler: 'work' } },
          ...{ schedule: { type: 'every', everyMs: 2 * HOUR } },
        }),
    ],
  ])('does so with %s', async (_what, reason, write) => {
    await behind(2);
    await write();
    expect(await records()).toMatchObject([replaced(2, reason)]);
  });

  it('does so in the shard of a trigger of a partitioned job', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await behind(3, { name, partitioned: true });
    const written = ['a', 'b', 'c', 'd'].map((name) => ({ name, schedule: hourly, data: 'new' }));
    await client.putTriggers('report', written);
    expect(await records()).toHaveLength(4);
    for (const { name } of written)
      expect(await client.getTrigger('report', name)).toMatchObject({ data: 'new', version: 2 });
  });

  it('leaves no record of what equals what is stored, and nothing of it is decided', async () => {
    await behind(2);
    const put = await client.putTrigger('report', { name: 'default', schedule: hourly, timeZone: 'UTC' });
    expect(put.outcome).toBe('unchanged');
    expect(await records()).toEqual([]);
    expect((await stores.jobs.getTrigger(`${JOB}/default`))?.state.watermark).toBe(last - 2 * HOUR);
  });

  it('records a long gap in pieces', async () => {
    await behind(2500);
    await client.patchTrigger('report', 'default', { data: 1 });
    const counts = (await records()).map(({ missed }) => missed?.count);
    expect(counts.sort()).toEqual([1000, 1000, 500]);
  });

  it('is written over a version that is expected, which the record does not change', async () => {
    await behind(1);
    const change = { name: 'default', schedule: hourly, data: 1 };
    await expect(client.putTrigger('report', change, { ifVersion: 2 })).rejects.toMatchObject({
      code: 'CJ_VERSION_CONFLICT',
    });
    expect(await records()).toEqual([]);
    await client.putTrigger('report', change, { ifVersion: 1 });
    expect(await records()).toMatchObject([replaced(1)]);
  });

  it('fires what a leader decides first', async () => {
    await behind(1);
    const shard = shardOfJob(JOB, 3);
    const epoch = epochOf(7);
    await stores.executions.sealFence(shard, epoch, 'leader');
    const { jobs, executions } = stores;
    const [trigger, job] = [await jobs.getTrigger(`${JOB}/default`), await jobs.getJob(JOB)];
    if (trigger === null || job === null) throw new Error('not stored');
    const compiled = compileTrigger(trigger.key, trigger.definition);
    const fire = () => executions.fire(shard, epoch, [planFires({ trigger, job, shard, compiled, at: last })]);
    // Right between the refusal of the write and the record of what is missed.
    const readFence = executions.readFence.bind(executions);
    const racing: Stores['executions'] = new Proxy(executions, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (name === 'readFence') return async (id: number) => (await fire(), readFence(id));
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { calendars, planning, backfills, events, clusterClock } = stores;
    const ports = { jobs, executions: racing, calendars, planning, backfills, events, clusterClock };
    await new StoreClient({ stores: ports }, { namespace: 'app' }).patchTrigger('report', 'default', { data: 1 });
    expect(await records()).toMatchObject([{ state: 'queued', nominalAt: last, epoch: 7 }]);
    expect(await client.getTrigger('report', 'default')).toMatchObject({ data: 1, version: 2 });
  });

  it('is written also when nobody can say what was due, because its calendar is gone', async () => {
    await behind(1, { calendars: ['gone'] });
    await client.patchTrigger('report', 'default', { calendars: null });
    expect(await records()).toEqual([]);
    expect(await client.getTrigger('report', 'default')).toMatchObject({ version: 2 });
  });
});
