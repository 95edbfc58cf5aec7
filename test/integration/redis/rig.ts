import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { CloudJobError } from '../../../src/domain/errors.js';
import type { Logger } from '../../../src/runtime/logger.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisConnection } from '../../../src/store/redis/connection.js';
import { RedisPubSub } from '../../../src/store/redis/pub-sub.js';
import type { RedisSource } from '../../../src/store/redis/redis-clients.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { eventually } from '../../support/wait.js';

/** A started connection, stopped when the test ends. */
export async function connected(source: RedisSource): Promise<RedisConnection> {
  const connection = new RedisConnection(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { source },
  );
  await connection.start();
  onTestFinished(() => connection.stop());
  return connection;
}

export async function subscribing(source: RedisSource): Promise<RedisPubSub> {
  const pubSub = new RedisPubSub({ clock: systemClock, logger: silentLogger }, { source });
  await pubSub.start();
  onTestFinished(() => pubSub.stop());
  return pubSub;
}

/** Stores of a cluster of their own, stopped when the test ends. */
export async function storesAt(redis: RedisSource, logger: Logger = silentLogger): Promise<RedisStores> {
  const stores = new RedisStores(
    { clock: systemClock, logger, metrics: new Metrics() },
    { redis, cluster: `resilience-${randomUUID()}`, requireDurability: true },
  );
  await stores.start();
  onTestFinished(() => stores.stop());
  return stores;
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
