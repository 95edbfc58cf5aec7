import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { reconcile } from '../../src/cli/reconcile.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { shardKeysOf } from '../../src/store/redis/keys.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import { storedTrigger } from '../support/builders.js';

async function setup() {
  const cluster = `cli-${randomUUID()}`;
  const stores = new RedisStores(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { redis: inject('redisUrl'), cluster, shardCount: 2, requireDurability: true },
  );
  await stores.start();
  onTestFinished(() => stores.stop());
  const run = async (...args: string[]): Promise<readonly string[]> => {
    const lines: string[] = [];
    await reconcile(['--cluster', cluster, ...args], { CLOUDJOB_REDIS: inject('redisUrl') }, (line) =>
      lines.push(line),
    );
    return lines;
  };
  return { cluster, stores, run };
}

describe('cloudjob reconcile', () => {
  it('says what it would do, does it when told so, and then finds nothing', async () => {
    const { cluster, stores, run } = await setup();
    const { shard, trigger } = await storedTrigger(stores);
    const keys = shardKeysOf(cluster, shard);
    await stores.connection.send('ZREM', [keys.due, trigger.key]);
    await stores.connection.send('ZADD', [keys.leases, 1, '0-1-x']);
    const lines = [`shard ${shard}: due-missing ${trigger.key}`, `shard ${shard}: lease-stale 0-1-x`];
    expect(await run()).toEqual([...lines, expect.stringMatching(/ in 2 shards: 2 to repair; nothing was changed/)]);
    expect(await stores.connection.send('ZCARD', [keys.leases])).toBe(1);
    expect(await run('--apply')).toEqual([...lines, expect.stringMatching(/2 repaired$/)]);
    expect((await stores.executions.readDue(shard, Date.parse('2100-01-01'), 10)).triggers).toHaveLength(1);
    expect(await run('--apply')).toEqual([expect.stringMatching(/nothing to repair$/)]);
  });

  it('works beside a leader, under its epoch', async () => {
    const { cluster, stores, run } = await setup();
    const { shard } = await storedTrigger(stores);
    await stores.executions.sealFence(shard, 9 as never, 'leader');
    await stores.connection.send('ZADD', [shardKeysOf(cluster, shard).leases, 1, '0-1-x']);
    expect(await run('--apply')).toEqual([`shard ${shard}: lease-stale 0-1-x`, expect.stringMatching(/ 1 repaired$/)]);
    expect(await stores.executions.readFence(shard)).toMatchObject({ epoch: 9, member: 'leader' });
  });

  it('refuses a cluster that does not exist, without creating it, and what it does not know', async () => {
    const { stores, run } = await setup();
    const other = `none-${randomUUID()}`;
    await expect(run('--cluster', other)).rejects.toThrow(`there is no cluster "${other}"`);
    expect(await stores.connection.send('EXISTS', [`cj:{${other}}:meta`])).toBe(0);
    await expect(run('--force')).rejects.toThrow('--force');
    await expect(reconcile([], {}, () => undefined)).rejects.toThrow('CLOUDJOB_REDIS');
  });
});
