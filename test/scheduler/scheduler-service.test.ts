import { describe, expect, it, onTestFinished } from 'vitest';
import { StaticElector } from '../../src/leader/static-elector.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { SchedulerService } from '../../src/scheduler/scheduler.service.js';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { aJobDefinition, aTriggerWrite } from '../support/builders.js';
import { FaultyStore } from '../support/faulty-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingProbe } from '../support/wait.js';

async function setup({ shardCount = 4 } = {}) {
  const clock = new ManualClock();
  const stores = new MemoryStores({ clock }, { shardCount });
  const faulty = new FaultyStore(stores.executions, clock);
  const events: ClusterEvent[] = [];
  await stores.events.subscribe((event) => void events.push(event));
  const common = { clock, logger: silentLogger, metrics: new Metrics(), probe: new RecordingProbe() };
  const raiseEpoch = (shard: number) => stores.executions.raiseFence(shard, 'me');
  const elector = new StaticElector({ ...common, raiseEpoch }, { member: 'me', shardCount });
  const { clusterClock, calendars, planning, reconciling, progress, jobs, backfills } = stores;
  const scheduler = new SchedulerService({
    ...common,
    stores: {
      executions: faulty.store,
      events: stores.events,
      clusterClock,
      calendars,
      planning,
      reconciling,
      progress,
      jobs,
      backfills,
    },
    elector,
  });
  onTestFinished(async () => {
    const stopped = scheduler.stop();
    await clock.advance(2000);
    await stopped;
  });
  async function put(job: string): Promise<void> {
    const schedule = { type: 'every', everyMs: 1000 } as const;
    const trigger = aTriggerWrite('default', {
      watermark: clock.now(),
      dueAt: clock.now() + 1000,
      schedule,
      overlap: 'allow',
    });
    await stores.jobs.putJob({ key: `shop/${job}`, definition: aJobDefinition(), triggers: [trigger] });
  }
  async function count(job: string): Promise<number> {
    return (await stores.executions.listExecutions({ namespace: 'shop', job, limit: 1000 })).items.length;
  }
  return { ...common, stores, faulty, events, elector, scheduler, put, count };
}

describe('SchedulerService', () => {
  it('leads every shard that the elector wins, and says so', async () => {
    const { clock, scheduler, metrics, events } = await setup();
    await scheduler.start();
    await clock.advance(10);
    expect(scheduler.describe()).toMatchObject({
      ready: true,
      details: { shards: [0, 1, 2, 3].map((shard) => ({ shard, epoch: 1, isFiring: true, lagMs: 0 })) },
    });
    expect((await metrics.leading.get()).values[0]?.value).toBe(4);
    expect(events.filter(({ type }) => type === 'leader-changed')).toHaveLength(4);
  });

  it('fires jobs of all shards', async () => {
    const { clock, scheduler, put, count } = await setup();
    const jobs = Array.from({ length: 20 }, (_, i) => `job-${i}`);
    for (const job of jobs) await put(job);
    await scheduler.start();
    await clock.advance(3000);
    for (const job of jobs) expect(await count(job)).toBe(3);
  });

  it('goes on with the other shards when one does not answer', async () => {
    const { clock, scheduler, faulty, put, count } = await setup();
    const jobs = Array.from({ length: 20 }, (_, i) => `job-${i}`);
    for (const job of jobs) await put(job);
    await scheduler.start();
    faulty.inject('fire', { delayMs: 600_000 });
    await clock.advance(3000);
    const counts = await Promise.all(jobs.map(count));
    expect(counts.filter((n) => n === 3).length).toBeGreaterThanOrEqual(10);
    expect(counts.some((n) => n === 1)).toBe(true);
  });

  it('leads a shard again under a new epoch after its term has ended', async () => {
    const { clock, scheduler, elector, metrics, put, count } = await setup({ shardCount: 1 });
    await put('job');
    await scheduler.start();
    await clock.advance(1000);
    elector.terms().get(0)?.end('lost');
    await clock.advance(2010);
    expect(scheduler.describe().details).toMatchObject({ shards: [{ shard: 0, epoch: 2, isFiring: true }] });
    expect((await metrics.leading.get()).values[0]?.value).toBe(1);
    expect(await count('job')).toBe(3);
  });

  it('stops firing and hands over within a second', async () => {
    const { clock, scheduler, elector, stores, put, count } = await setup({ shardCount: 1 });
    await put('job');
    await scheduler.start();
    await clock.advance(1000);
    const stopped = scheduler.stop();
    await clock.advance(900);
    await stopped;
    expect(elector.state).toBe('stopped');
    expect(await stores.executions.readFence(0)).toMatchObject({ epoch: 1, member: null });
    await clock.advance(5000);
    expect(await count('job')).toBe(1);
    expect(clock.pending).toBe(0);
  });
});
