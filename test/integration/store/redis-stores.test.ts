import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startRedis } from '../../../scripts/servers.mjs';
import { manualExecutionId } from '../../../src/domain/execution.js';
import { MAX_SHARD_COUNT, shardOfJob } from '../../../src/domain/shard.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisConnection } from '../../../src/store/redis/connection.js';
import { shardKeysOf } from '../../../src/store/redis/keys.js';
import { SCRIPT_FOLDER } from '../../../src/store/redis/script-manifest.js';
import { ScriptRunner } from '../../../src/store/redis/script-runner.js';
import { RedisStores, type RedisStoresConfig } from '../../../src/store/redis/redis-stores.js';
import {
  aDecision,
  aFire,
  aJobDefinition,
  aJobKey,
  aToken,
  aTriggerWrite,
  EPOCH_1,
  storedTrigger,
} from '../../support/builders.js';
import { eventually } from '../../support/wait.js';

const LANE = 'default/handler/work';

function aStores(config: Partial<RedisStoresConfig> = {}): RedisStores {
  const stores = new RedisStores(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { redis: inject('redisUrl'), cluster: `stores-${randomUUID()}`, requireDurability: true, ...config },
  );
  onTestFinished(() => stores.stop());
  return stores;
}

async function started(config: Partial<RedisStoresConfig> = {}): Promise<RedisStores> {
  const stores = aStores(config);
  await stores.start();
  return stores;
}

async function serverWith(options: Parameters<typeof startRedis>[0]) {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

describe('opening a cluster', () => {
  it('creates it with 16 shards, and opens it with that number ever after', async () => {
    const cluster = `stores-${randomUUID()}`;
    expect((await started({ cluster })).executions.shardCount).toBe(16);
    expect((await started({ cluster })).jobs.shardCount).toBe(16);
    expect((await started({ cluster, shardCount: 16 })).jobs.shardCount).toBe(16);
    await expect(started({ cluster, shardCount: 8 })).rejects.toMatchObject({
      code: 'CJ_CONFIG_INVALID',
      message: `cluster "${cluster}" was created with 16 shards and cannot be opened with 8: leave shardCount out or set it to 16`,
    });
  });

  it('takes the number of the first of several that open it at once', async () => {
    const cluster = `stores-${randomUUID()}`;
    const results = await Promise.allSettled([3, 5, 7].map((shardCount) => started({ cluster, shardCount })));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it.each([0, 1.5, MAX_SHARD_COUNT + 1])('refuses %s shards', async (shardCount) => {
    await expect(started({ shardCount })).rejects.toMatchObject({ code: 'CJ_CONFIG_INVALID' });
  });

  it('refuses a name that would break the hash tags', () => {
    expect(() => aStores({ cluster: 'a}b' })).toThrow(expect.objectContaining({ code: 'CJ_CONFIG_INVALID' }));
  });

  it('refuses data of another format', async () => {
    const cluster = `stores-${randomUUID()}`;
    const first = await started({ cluster });
    await first.connection.send('HSET', [`cj:{${cluster}}:meta`, 'format', 2]);
    await expect(started({ cluster })).rejects.toMatchObject({
      code: 'CJ_CONFIG_INVALID',
      details: { format: 2, supported: 1 },
    });
  });
});

describe('the check of the server', () => {
  it('refuses a Redis without append-only file, unless that is accepted', async () => {
    const { url: redis } = await serverWith({ appendOnly: false });
    await expect(started({ redis })).rejects.toMatchObject({
      code: 'CJ_REDIS_REFUSED',
      details: { setting: 'appendonly', required: 'yes' },
    });
    expect((await started({ redis, requireDurability: false })).state).toBe('running');
  });

  it('refuses a Redis that evicts, unless that is accepted', async () => {
    const { url: redis } = await serverWith({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    await expect(started({ redis })).rejects.toMatchObject({
      code: 'CJ_REDIS_REFUSED',
      details: { setting: 'maxmemory-policy', required: 'noeviction', actual: 'allkeys-lru' },
    });
    expect((await started({ redis, requireDurability: false })).state).toBe('running');
  });
});

describe('running', () => {
  it('is not ready while Redis is away, and goes on after its return with what was acknowledged', async () => {
    const server = await serverWith({ fsync: 'always' });
    const stores = await started({ redis: server.url });
    const { trigger, shard } = await storedTrigger(stores);
    let gaps = 0;
    await stores.events.subscribe(
      () => undefined,
      () => void gaps++,
    );
    await server.kill();
    await eventually('the loss is seen', () => !stores.describe().ready);
    await expect(stores.jobs.getJob('shop/any')).rejects.toMatchObject({ code: 'CJ_REDIS_UNAVAILABLE' });
    await server.start();
    await eventually('the connection stands again', () => stores.describe().ready);
    expect((await stores.executions.readDue(shard, trigger.dueAt ?? 0, 10)).triggers).toEqual([trigger]);
    await eventually('those who listen to events hear of the gap', () => gaps === 1);
  });

  it('leaves nothing open after its end', async () => {
    const server = await serverWith({});
    const stores = await started({ redis: server.url });
    await stores.stop();
    await stores.stop();
    const probe = await started({ redis: server.url });
    const clients = String(await probe.connection.send('CLIENT', ['LIST']))
      .trim()
      .split('\n');
    expect(clients).toHaveLength(2);
  });
});

describe('a job with more triggers than are listed by name', () => {
  const write = (i: number) => aTriggerWrite(`t${i}`, { watermark: 0, dueAt: 4e12 + i });

  /** Next to a job whose name begins alike, with one trigger. */
  async function largeJob(count: number) {
    const cluster = `stores-${randomUUID()}`;
    const stores = await started({ cluster, shardCount: 1 });
    await stores.jobs.putJob({ key: 'shop/large', definition: aJobDefinition() });
    await stores.jobs.putJob({ key: 'shop/large-2', definition: aJobDefinition(), triggers: [write(0)] });
    const writes = Array.from({ length: count }, (_, i) => write(i));
    for (let i = 0; i < count; i += 1000) await stores.jobs.putTriggers('shop/large', writes.slice(i, i + 1000));
    return { stores, cluster };
  }

  /** What is left when a caller ends right after its first call. */
  async function halfDeleted(count: number) {
    const { stores, cluster } = await largeJob(count);
    const { connection } = stores;
    const scripts = new ScriptRunner({ connection }, { folder: SCRIPT_FOLDER, names: ['delete_job'] });
    const { jobs, jobNames, triggers, triggerNames, due, expiry } = shardKeysOf(cluster, 0);
    await scripts.run('delete_job', [jobs, jobNames, triggers, triggerNames, due, expiry], ['shop/large', '']);
    expect(await stores.executions.countShard(0)).toMatchObject({ triggers: count + 1 });
    return stores;
  }

  it('is deleted with all of them, and a new job of the name has none', async () => {
    const { stores } = await largeJob(2500);
    expect(await stores.jobs.deleteJob('shop/large')).toBe(true);
    expect(await stores.executions.countShard(0)).toMatchObject({ triggers: 1 });
    await stores.jobs.putJob({ key: 'shop/large', definition: aJobDefinition() });
    expect(await stores.jobs.countTriggers('shop/large')).toBe(0);
    expect(await stores.jobs.listTriggers('shop/large', { limit: 10 })).toEqual({ items: [] });
  });

  it('is gone for everybody while its deletion goes on', async () => {
    const stores = await halfDeleted(40);
    expect(await stores.jobs.getJob('shop/large')).toBeNull();
    expect(await stores.jobs.countTriggers('shop/large')).toBe(0);
    expect(await stores.jobs.deleteJob('shop/large')).toBe(false);
    expect((await stores.jobs.listJobs({ namespace: 'shop', limit: 10 })).items.map((job) => job.name)).toEqual([
      'large-2',
    ]);
    expect((await stores.executions.readDue(0, 5e12, 100)).jobs.has('shop/large')).toBe(false);
  });

  it('is finished by who stores it anew when the deletion stopped half-way', async () => {
    const stores = await halfDeleted(40);
    const { outcome, job } = await stores.jobs.putJob({ key: 'shop/large', definition: aJobDefinition() });
    expect([outcome, job.version]).toEqual(['created', 1]);
    expect(await stores.executions.countShard(0)).toMatchObject({ triggers: 1 });
  });

  it('is finished by the leader when the deletion stopped half-way', async () => {
    const stores = await halfDeleted(40);
    expect(await stores.executions.deleteExpired(0, EPOCH_1, 10)).toBe(1);
    expect(await stores.executions.countShard(0)).toMatchObject({ triggers: 1 });
    expect((await stores.executions.wakeTimes(0)).expiryAt).toBeNull();
  });

  it('is listed in pages, each trigger once, with a cursor that must be its own', async () => {
    const { stores } = await largeJob(700);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await stores.jobs.listTriggers('shop/large', { limit: 30, cursor });
      expect(page.items.length).toBeLessThanOrEqual(30);
      seen.push(...page.items.map((trigger) => trigger.key));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect([...seen].sort()).toEqual(Array.from({ length: 700 }, (_, i) => `shop/large/t${i}`).sort());
    const forged = stores.jobs.listTriggers('shop/large', { limit: 30, cursor: 'forged' });
    await expect(forged).rejects.toMatchObject({ code: 'CJ_VALIDATION_FAILED' });
  });
});

describe('a trigger that stands twice in one call', () => {
  it('is written once, as the last of them says', async () => {
    const stores = await started();
    await stores.jobs.putJob({ key: 'shop/twice', definition: aJobDefinition() });
    const writes = [1, 2].map((n) => aTriggerWrite('same', { watermark: 0, dueAt: 4e12 + n }));
    expect(await stores.jobs.putTriggers('shop/twice', writes)).toEqual(['created', 'created']);
    expect(await stores.jobs.getTrigger('shop/twice/same')).toMatchObject({ dueAt: 4e12 + 2, state: { version: 1 } });
    expect(await stores.jobs.countTriggers('shop/twice')).toBe(1);
  });
});

describe('listing executions', () => {
  it('refuses a cursor that it has not given', async () => {
    const stores = await started();
    const list = (cursor: string, job?: string) =>
      stores.executions.listExecutions({ namespace: 'shop', limit: 5, cursor, job });
    await expect(list('forged')).rejects.toMatchObject({ code: 'CJ_VALIDATION_FAILED' });
    await expect(list('forged', 'job')).rejects.toMatchObject({ code: 'CJ_VALIDATION_FAILED' });
  });

  it('passes over what has gone between two pages', async () => {
    const stores = await started();
    const at = await stores.executions.serverTime();
    const job = aJobKey();
    const shard = shardOfJob(job, stores.executions.shardCount);
    for (let i = 0; i < 6; i++) {
      const id = manualExecutionId(shard, at + i, 'a');
      await stores.executions.run({ ...aFire(stores, { job, nominalAt: at + i }), trigger: null, id });
    }
    const first = await stores.executions.listExecutions({ namespace: 'shop', limit: 2 });
    for (const { id } of first.items) await stores.executions.cancelExecution(id, 0);
    await eventually('they are deleted', async () => (await stores.executions.deleteExpired(shard, EPOCH_1, 10)) === 2);
    const second = await stores.executions.listExecutions({ namespace: 'shop', limit: 10, cursor: first.nextCursor });
    expect(second.items).toHaveLength(4);
  });
});

describe('a Redis Cluster', () => {
  it('serves jobs, fires and work: every script stays within one slot', async () => {
    const server = await serverWith({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] });
    const plain = new RedisConnection(
      { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
      { source: server.url },
    );
    await plain.start();
    onTestFinished(() => plain.stop());
    await plain.send('CLUSTER', ['ADDSLOTSRANGE', 0, 16383]);
    await eventually('the cluster stands', async () =>
      String(await plain.send('CLUSTER', ['INFO'])).includes('cluster_state:ok'),
    );

    const stores = await started({ redis: server.url.replace('redis:', 'redis+cluster:'), shardCount: 3 });
    let ready = 0;
    await stores.executions.onReady([LANE], () => void ready++);
    const { job, shard, trigger, dueAt } = await storedTrigger(stores);
    const fire = aFire(stores, { job, nominalAt: dueAt });
    const decision = aDecision(trigger, { fires: [fire], watermark: dueAt });
    expect(await stores.executions.fire(shard, EPOCH_1, [decision])).toEqual([{ outcome: 'fired', skippedCount: 0 }]);
    await eventually('a hint', () => ready > 0);
    const request = { lanes: [LANE], limit: 10, worker: 'w1', leaseMs: 60_000, token: aToken() } as const;
    const [claimed] = await stores.executions.claim(shard, request);
    expect(claimed?.execution.id).toBe(fire.id);
    const settlement = { type: 'succeeded', retentionMs: 0 } as const;
    await stores.executions.settle(shard, [{ id: fire.id, token: request.token, settlement }]);
    expect((await stores.executions.listExecutions({ namespace: 'shop', limit: 10 })).items).toHaveLength(1);
    expect((await stores.jobs.listJobs({ namespace: 'shop', limit: 10 })).items).toHaveLength(1);
    expect(await stores.jobs.deleteJob(job)).toBe(true);
  });
});
