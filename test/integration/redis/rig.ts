import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { JobKey } from '../../../src/domain/job.js';
import { shardOfJob } from '../../../src/domain/shard.js';
import { CloudJobError } from '../../../src/domain/errors.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisConnection } from '../../../src/store/redis/connection.js';
import { RedisPubSub } from '../../../src/store/redis/pub-sub.js';
import type { RedisSource } from '../../../src/store/redis/redis-clients.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { aDecision, aFire, aJobDefinition, aJobKey, aTriggerWrite, EPOCH_1 } from '../../support/builders.js';
import { eventually } from '../../support/wait.js';

/** A started connection, stopped when the test ends. */
export async function connected(source: RedisSource, metrics = new Metrics()): Promise<RedisConnection> {
  const connection = new RedisConnection({ clock: systemClock, logger: silentLogger, metrics }, { source });
  await connection.start();
  onTestFinished(() => connection.stop());
  return connection;
}

/** How often another server answered than before, so far. */
export async function serverChanges(metrics: Metrics): Promise<number> {
  return (await metrics.redisServerChanges.get()).values[0]?.value ?? 0;
}

export async function subscribing(source: RedisSource): Promise<RedisPubSub> {
  const pubSub = new RedisPubSub({ clock: systemClock, logger: silentLogger }, { source });
  await pubSub.start();
  onTestFinished(() => pubSub.stop());
  return pubSub;
}

/** Stores of a cluster of their own, stopped when the test ends. */
export async function storesAt(redis: RedisSource, cluster = `resilience-${randomUUID()}`): Promise<RedisStores> {
  const stores = new RedisStores(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { redis, cluster, requireDurability: true },
  );
  await stores.start();
  onTestFinished(() => stores.stop());
  return stores;
}

/** Fires a trigger of the job once a step, each call repeated until it is answered; returns the ids fired. */
export async function fireInSteps(stores: RedisStores, job: JobKey, steps: number): Promise<string[]> {
  const shard = shardOfJob(job, stores.executions.shardCount);
  const fired: string[] = [];
  for (let step = 0; step < steps; step++) {
    const { triggers } = await insist(() => stores.executions.readDue(shard, Number.MAX_SAFE_INTEGER, 1));
    const [trigger] = triggers;
    if (trigger?.dueAt === undefined) throw new Error('no trigger is due');
    const fire = aFire(stores, { job, nominalAt: trigger.dueAt });
    const decision = aDecision(trigger, { fires: [fire], overlap: 'allow', nextDueAt: trigger.dueAt + 1 });
    await insist(() => stores.executions.fire(shard, EPOCH_1, [decision]));
    fired.push(fire.id);
  }
  return fired;
}

/** Ids of all executions of the job. */
export async function firedOf(stores: RedisStores, job: JobKey): Promise<string[]> {
  const [namespace = ''] = job.split('/');
  const { items } = await insist(() => stores.executions.listExecutions({ namespace, limit: 500 }));
  return items.filter((execution) => execution.job === job).map(({ id }) => id);
}

/** A job whose trigger is due every millisecond of an hour ago. */
export async function storedJob(stores: RedisStores): Promise<JobKey> {
  const job = aJobKey();
  const start = (await stores.executions.serverTime()) - 3_600_000;
  const triggers = [aTriggerWrite('default', { watermark: start, dueAt: start + 1 })];
  await insist(() => stores.jobs.putJob({ key: job, definition: aJobDefinition(), triggers }));
  return job;
}

/** Repeats the same call, as every caller does, until it is answered with something other than `unavailable`. */
export async function insist<T>(call: () => Promise<T>, timeoutMs = 20_000): Promise<T> {
  const once = async (): Promise<{ answer: T } | undefined> => {
    try {
      return { answer: await call() };
    } catch (error) {
      if (error instanceof CloudJobError && error.retryable) return undefined;
      throw error;
    }
  };
  return (await eventually('an answer', once, { everyMs: 10, timeoutMs })).answer;
}
