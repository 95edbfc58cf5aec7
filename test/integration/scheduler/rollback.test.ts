import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startRedis, type RedisServer } from '../../../scripts/servers.mjs';
import { epochOf } from '../../../src/domain/shard.js';
import type { LeaderElector } from '../../../src/leader/leader-elector.js';
import { StaticElector } from '../../../src/leader/static-elector.js';
import { ZooKeeperElector } from '../../../src/leader/zookeeper-elector.js';
import { silentLogger, type Logger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { SchedulerService } from '../../../src/scheduler/scheduler.service.js';
import type { ClusterEvent } from '../../../src/store/event-bus.js';
import { shardKeysOf } from '../../../src/store/redis/keys.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { aJobDefinition, aTriggerWrite } from '../../support/builders.js';
import { eventually, RecordingProbe } from '../../support/wait.js';

const JOB = 'shop/report';
const EVERY_MS = 100;

async function redisWithoutAof(): Promise<RedisServer> {
  const server = await startRedis({ appendOnly: false });
  onTestFinished(() => server.stop());
  return server;
}

interface Options {
  readonly cluster?: string;
  readonly withZooKeeper?: boolean;
  readonly probe?: RecordingProbe;
}

/** A scheduler of one shard on a Redis of the test's own; stopped when the test ends, or before. */
async function schedulerOn(url: string, options: Options = {}) {
  const { cluster = `rollback-${randomUUID()}`, withZooKeeper = true, probe = new RecordingProbe() } = options;
  const metrics = new Metrics();
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (event) => void errors.push(event), child: () => logger };
  const common = { clock: systemClock, logger, metrics, probe };
  const stores = new RedisStores(common, { redis: url, cluster, shardCount: 1, requireDurability: false });
  await stores.start();
  const { executions } = stores;
  const member = `m-${randomUUID().slice(0, 8)}`;
  let raised = epochOf(0);
  const elector: LeaderElector = withZooKeeper
    ? new ZooKeeperElector(
        { ...common, readFence: async (shard) => (await executions.readFence(shard)).epoch },
        { servers: inject('zookeeper'), cluster, member, shardCount: 1, sessionTimeoutMs: 4000, facts: {} },
      )
    : new StaticElector(
        { ...common, raiseEpoch: async (shard) => (raised = await executions.raiseFence(shard, member, raised)) },
        { member, shardCount: 1 },
      );
  const events: ClusterEvent[] = [];
  await stores.events.subscribe((event) => events.push(event));
  const scheduler = new SchedulerService({ ...common, stores, elector });
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await scheduler.stop().catch(() => undefined);
    await stores.stop();
  };
  onTestFinished(stop);
  await scheduler.start();
  await probe.reached('shard-ready');

  const fence = (...fields: string[]) =>
    stores.connection.send('HMGET', [shardKeysOf(cluster, 0).fence, ...fields]) as Promise<string[]>;
  return {
    ...{ cluster, stores, probe, metrics, errors, events, elector, stop, fence },
    async put(): Promise<void> {
      const watermark = await executions.serverTime();
      const schedule = { type: 'every', everyMs: EVERY_MS } as const;
      const misfire = { policy: 'fireAll', graceMs: 60_000, maxAgeMs: 600_000, maxCount: 1000 } as const;
      const trigger = { watermark, dueAt: watermark + EVERY_MS, schedule, overlap: 'allow', misfire } as const;
      await stores.jobs.putJob({
        key: JOB,
        definition: aJobDefinition(),
        triggers: [aTriggerWrite('default', trigger)],
      });
    },
    async fires(count: number): Promise<void> {
      await probe.reached('fired', probe.count('fired') + count);
    },
    async nominalTimes(): Promise<number[]> {
      const { items } = await executions.listExecutions({ namespace: 'shop', limit: 10_000 });
      return items.map(({ nominalAt }) => nominalAt).sort((a, b) => a - b);
    },
    /** A checkpoint that holds at least what is there now. */
    async checkpointed(): Promise<void> {
      const [commits] = await fence('commits');
      await eventually('a checkpoint', async () => {
        const checkpoint = await elector.checkpoints?.read(0);
        return checkpoint !== null && checkpoint !== undefined && checkpoint.commits >= Number(commits);
      });
    },
    rolledBack: () => probe.reached('rolled-back'),
    facts: () => probe.moments.find(({ moment }) => moment === 'rolled-back')?.facts,
  };
}

async function admin(server: RedisServer, ...command: [string, ...(string | number)[]]): Promise<unknown> {
  const client = new Redis(server.port, '127.0.0.1');
  client.on('error', () => undefined);
  try {
    return await client.call(...command);
  } finally {
    client.disconnect();
  }
}

describe('a Redis that has lost acknowledged writes', () => {
  it('is noticed after a restart from an older snapshot; the lost fires are fired again, counted, and the others follow', async () => {
    const server = await redisWithoutAof();
    const leader = await schedulerOn(server.url);
    const { probe, metrics, events, errors, stores } = leader;
    await leader.put();
    await leader.fires(5);
    await admin(server, 'SAVE');
    const saved = await leader.nominalTimes();
    await leader.fires(10);
    await server.kill('SIGKILL');
    const lastEpoch = Number(probe.moments.find(({ moment }) => moment === 'shard-ready')?.facts['epoch']);
    await server.start();
    await leader.rolledBack();
    await probe.reached('shard-ready', 2);
    await leader.fires(5);

    expect(leader.facts()).toMatchObject({ shard: 0, kind: 'rolled-back' });
    expect(Number(leader.facts()?.['lostCommits'])).toBeGreaterThanOrEqual(9);
    expect(errors).toContain('rolled-back');
    expect(events.map(({ type }) => type)).toContain('rolled-back');
    expect((await metrics.rollbacks.get()).values).toEqual([{ labels: { kind: 'rolled-back' }, value: 1 }]);
    expect((await metrics.refires.get()).values[0]?.value).toBeGreaterThanOrEqual(9);
    expect(await stores.progress.readRollback(0)).toMatchObject({ kind: 'rolled-back' });
    expect((await stores.executions.readFence(0)).epoch).toBeGreaterThan(lastEpoch);
    const times = await leader.nominalTimes();
    expect(times.slice(0, saved.length)).toEqual(saved);
    expect(times.slice(1).every((at, i) => at - (times[i] ?? 0) === EVERY_MS)).toBe(true);
  }, 60_000);

  it('is noticed by the next leader from the checkpoint when the one that knew has died', async () => {
    const server = await redisWithoutAof();
    const first = await schedulerOn(server.url);
    await first.put();
    await first.fires(2);
    await admin(server, 'SAVE');
    await first.fires(15);
    await first.checkpointed();
    await first.stop();
    await server.kill('SIGKILL');
    await server.start();
    const second = await schedulerOn(server.url, { cluster: first.cluster });
    expect(second.facts()).toMatchObject({ kind: 'rolled-back' });
    expect(second.probe.count('rolled-back')).toBe(1);
    await second.stop();
    const third = await schedulerOn(server.url, { cluster: first.cluster });
    expect(third.facts()).toBeUndefined();
  }, 60_000);

  it('is noticed when all of it is gone, and work goes on with what is stored anew', async () => {
    const server = await redisWithoutAof();
    const leader = await schedulerOn(server.url);
    await leader.put();
    await leader.fires(3);
    const [history] = await leader.fence('history');
    await admin(server, 'FLUSHALL');
    await leader.rolledBack();
    expect(leader.facts()).toMatchObject({ kind: 'emptied' });
    await leader.probe.reached('shard-ready', 2);
    await leader.put();
    await leader.fires(3);
    const [begun] = await leader.fence('history');
    expect(begun).not.toBe(history);
    expect(leader.probe.count('rolled-back')).toBe(1);
    expect(await leader.stores.progress.readRollback(0)).toMatchObject({ kind: 'emptied' });
  }, 60_000);

  it('is noticed when a replica is promoted that lacked the last writes', async () => {
    const [master, replica] = [await redisWithoutAof(), await redisWithoutAof()];
    const leader = await schedulerOn(master.url);
    await leader.put();
    await leader.fires(3);
    await admin(replica, 'REPLICAOF', '127.0.0.1', master.port);
    await eventually('a replica in step', async () =>
      String(await admin(replica, 'INFO', 'replication')).includes('master_link_status:up'),
    );
    await admin(replica, 'REPLICAOF', 'NO', 'ONE');
    await leader.fires(12);
    await leader.checkpointed();
    await leader.stop();
    await master.kill('SIGKILL');
    const next = await schedulerOn(replica.url, { cluster: leader.cluster });
    expect(next.facts()).toMatchObject({ kind: 'rolled-back' });
    await next.fires(3);
    const times = await next.nominalTimes();
    expect(times.slice(1).every((at, i) => at - (times[i] ?? 0) === EVERY_MS)).toBe(true);
  }, 60_000);

  it('is told from another Redis, whose shards are not led', async () => {
    const [known, other] = [await redisWithoutAof(), await redisWithoutAof()];
    const leader = await schedulerOn(known.url);
    await leader.put();
    await leader.fires(2);
    await leader.checkpointed();
    await leader.stop();
    const stranger = await schedulerOn(other.url, { cluster: leader.cluster, withZooKeeper: false });
    await stranger.put();
    await stranger.fires(2);
    await stranger.stop();

    const probe = new RecordingProbe();
    const isReady = schedulerOn(other.url, { cluster: leader.cluster, probe });
    isReady.catch(() => undefined);
    await probe.reached('rolled-back');
    expect(probe.moments.find(({ moment }) => moment === 'rolled-back')?.facts).toMatchObject({ kind: 'foreign' });
    expect(probe.count('shard-ready')).toBe(0);
  }, 60_000);

  it('is noticed from the memory of the process where there is no ZooKeeper, and epochs do not go back', async () => {
    const server = await redisWithoutAof();
    const leader = await schedulerOn(server.url, { withZooKeeper: false });
    await leader.put();
    await admin(server, 'SAVE');
    await leader.fires(10);
    await server.kill('SIGKILL');
    const before = leader.probe.moments.filter(({ moment }) => moment === 'shard-ready').at(-1)?.facts['epoch'];
    await server.start();
    await leader.rolledBack();
    await leader.probe.reached('shard-ready', 2);
    expect((await leader.stores.executions.readFence(0)).epoch).toBeGreaterThan(Number(before));
  }, 60_000);

  it('is not suspected when it restarts with everything', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const leader = await schedulerOn(server.url);
    await leader.put();
    await leader.fires(5);
    await server.kill('SIGKILL');
    await server.start();
    await leader.fires(15);
    expect(leader.probe.count('rolled-back')).toBe(0);
    expect(leader.probe.count('shard-ready')).toBe(1);
    const times = await leader.nominalTimes();
    expect(times.slice(1).every((at, i) => at - (times[i] ?? 0) === EVERY_MS)).toBe(true);
  }, 60_000);
});
