import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { StoreClient } from '../../src/client/store-client.js';
import type { CalendarInput } from '../../src/domain/calendar.js';
import { StaticElector } from '../../src/leader/static-elector.js';
import { silentLogger as logger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { SchedulerService } from '../../src/scheduler/scheduler.service.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import { ManualClock } from '../support/manual-clock.js';
import { eventually, RecordingProbe } from '../support/wait.js';

/** A scheduler on a manual clock, which leads the shards of a real Redis; the instants are the server's. */
async function world() {
  const clock = new ManualClock();
  const config = {
    redis: inject('redisUrl'),
    cluster: `calendars-${randomUUID()}`,
    shardCount: 2,
    requireDurability: true,
  };
  const stores = new RedisStores({ clock: systemClock, logger, metrics: new Metrics() }, config);
  await stores.start();
  const probe = new RecordingProbe();
  const deps = { clock, logger, metrics: new Metrics(), probe };
  const raiseEpoch = (shard: number) => stores.executions.raiseFence(shard, 'me');
  const elector = new StaticElector({ ...deps, raiseEpoch }, { member: 'me', shardCount: 2 });
  const scheduler = new SchedulerService({ ...deps, stores, elector });
  onTestFinished(async () => {
    let isStopped = false;
    const stopped = scheduler.stop().finally(() => (isStopped = true));
    await eventually('the scheduler has stopped', async () => clock.advance(100).then(() => isStopped));
    await stopped;
    await stores.stop();
  });
  await scheduler.start();
  const client = new StoreClient({ stores }, { namespace: 'app' });
  /** Lets the scheduler's clock go on until it is so. */
  const comesTrue = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    await eventually(what, async () => clock.advance(20).then(isSo));
  };
  return { clock, stores, probe, client, comesTrue };
}

/** The days around today, so that a test through midnight sees no other day. */
function daysAround(now: number): string[] {
  return [-1, 0, 1, 2].map((day) => new Date(now + day * 86_400_000).toISOString().slice(0, 10));
}

describe('a calendar that changes, on a real Redis', () => {
  it('moves the planned fire of the triggers that name it, forth and back, and what it includes fires', async () => {
    const { stores, probe, client, comesTrue } = await world();
    const days = daysAround(await stores.executions.serverTime());
    const closed: CalendarInput = { type: 'dates', dates: days, timeZone: 'UTC' };
    const open: CalendarInput = { type: 'dates', dates: ['2020-01-01'], timeZone: 'UTC' };
    await client.putCalendar('days', closed);
    const schedule = { type: 'every' as const, everyMs: 500 };
    await client.putJob({
      name: 'named',
      target: { type: 'handler', handler: 'none' },
      schedule,
      calendars: ['days'],
      overlap: 'allow',
    });
    await client.putJob({
      name: 'plain',
      target: { type: 'handler', handler: 'none' },
      schedule: { ...schedule, everyMs: 3_600_000 },
    });
    const plannedDay = async (): Promise<string> =>
      ((await client.getJob('named')).status.nextAt ?? 'none').slice(0, 10);
    const fireCount = async (): Promise<number> => (await client.getTrigger('named', 'default')).status.fireCount;
    const plain = await client.getTrigger('plain', 'default');

    await comesTrue('both shards are planned', () => Promise.resolve(probe.count('replanned') >= 2));
    expect(days).not.toContain(await plannedDay());
    expect(await fireCount()).toBe(0);

    await client.putCalendar('days', open);
    await comesTrue('it fires', async () => (await fireCount()) >= 2);
    expect(days).toContain(await plannedDay());

    await client.putCalendar('days', closed);
    await comesTrue('it is planned for another day', async () => !days.includes(await plannedDay()));
    const fired = await fireCount();
    const until = (await stores.executions.serverTime()) + 1200;
    await comesTrue('two periods go by', async () => (await stores.executions.serverTime()) > until);
    expect(await fireCount()).toBe(fired);
    const { items } = await client.listExecutions({ job: 'named' });
    expect(new Set(items.map(({ nominalAt }) => nominalAt)).size).toBe(fired);
    expect(await client.getTrigger('plain', 'default')).toEqual(plain);
    expect(await stores.planning.readPlanning(0)).toEqual({ tz: process.versions.tz, calendars: 3 });
  });
});
