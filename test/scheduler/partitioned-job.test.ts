import { expect, it, onTestFinished } from 'vitest';
import { CloudJobClient } from '../../src/client/cloudjob-client.js';
import { StaticElector } from '../../src/leader/static-elector.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { silentProbe } from '../../src/runtime/probe.js';
import { SchedulerService } from '../../src/scheduler/scheduler.service.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';

it('fires the triggers of a partitioned job from several shards once each, and none of them while it is paused', async () => {
  const clock = new ManualClock('2027-01-01T00:00:00Z');
  const deps = { clock, logger: silentLogger, metrics: new Metrics(), probe: silentProbe };
  const stores = new MemoryStores(deps, { shardCount: 4 });
  const raiseEpoch = (shard: number) => stores.executions.raiseFence(shard, 'm');
  const elector = new StaticElector({ ...deps, raiseEpoch }, { member: 'm', shardCount: 4 });
  const scheduler = new SchedulerService({ ...deps, stores, elector });
  await stores.start();
  await scheduler.start();
  onTestFinished(async () => {
    const stopped = scheduler.stop();
    await clock.advance(2000);
    await stopped;
  });
  const client = new CloudJobClient({ stores, namespace: 'shop' });
  const target = { type: 'handler' as const, handler: 'greet' };
  await client.putJob({ name: 'birthdays', target, partitioned: true, overlap: 'allow' });
  const schedule = { type: 'every' as const, everyMs: 60_000 };
  await client.putTriggers(
    'birthdays',
    Array.from({ length: 40 }, (_, i) => ({ name: `user-${i}`, schedule })),
  );
  const fired = async (): Promise<string[]> => {
    const { items } = await stores.executions.listExecutions({ namespace: 'shop', job: 'birthdays', limit: 500 });
    return items.map(({ id, trigger, lane }) => `${id.split('-')[0]} ${trigger} ${lane}`);
  };
  await clock.advance(61_000);
  const first = await fired();
  expect(new Set(first.map((text) => text.split(' ')[1])).size).toBe(40);
  expect(first).toHaveLength(40);
  expect(new Set(first.map((text) => text.split(' ')[0])).size).toBe(4);
  await client.pause('birthdays');
  await clock.advance(120_000);
  expect(await fired()).toEqual(first);
  await client.resume('birthdays');
  await client.putJob({ name: 'birthdays', target, partitioned: true, overlap: 'allow', queue: 'slow' });
  await clock.advance(60_000);
  const later = (await fired()).slice(0, 40);
  expect(await fired()).toHaveLength(80);
  expect(later.every((text) => text.endsWith('slow/handler/greet'))).toBe(true);
});
