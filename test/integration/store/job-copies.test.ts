import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import type { JobKey } from '../../../src/domain/job.js';
import { shardOfJob } from '../../../src/domain/shard.js';
import { shardKeysOf } from '../../../src/store/redis/keys.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { aJobDefinition, aTriggerWrite } from '../../support/builders.js';

const JOB: JobKey = 'shop/birthdays';

describe('copies of a partitioned job', () => {
  it('get from the leader what a writer that died did not bring', async () => {
    const { jobs, other, home, send } = await setup();
    const before = await send('HGET', other.jobs, JOB);
    await jobs.pauseJob(JOB, 'maintenance');
    await send('HSET', other.jobs, JOB, String(before));
    expect(await jobs.refreshCopies(other.shard)).toBe(1);
    expect(await send('HGET', other.jobs, JOB)).toBe(await send('HGET', home.jobs, JOB));
    expect(await jobs.refreshCopies(other.shard)).toBe(0);
  });

  it('come with the first trigger to a shard that has none', async () => {
    const { jobs, other, home, send, names, write } = await setup();
    await send('HDEL', other.jobs, JOB);
    await send('ZREM', other.jobNames, `=${JOB}`);
    await jobs.putTriggers(
      JOB,
      names.map((name) => write(name, 5)),
    );
    expect(await send('HGET', other.jobs, JOB)).toBe(await send('HGET', home.jobs, JOB));
    expect(await jobs.countTriggers(JOB)).toBe(names.length);
  });

  it('go with their triggers when the home is gone, and do not come back', async () => {
    const { jobs, other, home, send, names, write } = await setup();
    const copy = String(await send('HGET', other.jobs, JOB));
    await send('HDEL', home.jobs, JOB);
    expect(await jobs.refreshCopies(other.shard)).toBe(1);
    expect(await send('HLEN', other.triggers)).toBe(0);
    expect(await send('HGET', other.jobs, JOB)).toBe('-');
    expect(copy.startsWith('1|')).toBe(true);
    await expect(
      jobs.putTriggers(
        JOB,
        names.map((name) => write(name)),
      ),
    ).rejects.toMatchObject({
      code: 'CJ_JOB_NOT_FOUND',
    });
  });

  it('are deleted by whoever meets a home that was only marked', async () => {
    const { stores, jobs, other, home, send } = await setup();
    await send('HSET', home.jobs, JOB, '-5|1');
    await jobs.putJob({ key: JOB, definition: aJobDefinition({ partitioned: true }) });
    expect(await jobs.countTriggers(JOB)).toBe(0);
    for (const { triggers } of [home, other]) expect(await send('HLEN', triggers)).toBe(0);
    expect((await stores.executions.countShard(other.shard)).triggers).toBe(0);
  });
});

async function setup() {
  const cluster = `copies-${randomUUID()}`;
  const stores = new RedisStores(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { redis: inject('redisUrl'), cluster, requireDurability: true },
  );
  await stores.start();
  onTestFinished(() => stores.stop());
  const { jobs, connection } = stores;
  const now = await stores.executions.serverTime();
  const write = (name: string, shift = 0) =>
    aTriggerWrite(name, { watermark: now, dueAt: now + 60_000, schedule: { type: 'every', everyMs: 60_000 + shift } });
  const names = Array.from({ length: 100 }, (_, i) => `user-${i}`);
  await jobs.putJob({ key: JOB, definition: aJobDefinition({ partitioned: true }) });
  await jobs.putTriggers(
    JOB,
    names.map((name) => write(name)),
  );
  const shard = shardOfJob(JOB, jobs.shardCount);
  const keysOf = (id: number) => ({ ...shardKeysOf(cluster, id), shard: id });
  const send = (command: string, ...args: (string | number)[]) => connection.send(command, args);
  return { stores, jobs, home: keysOf(shard), other: keysOf((shard + 1) % jobs.shardCount), send, names, write };
}
