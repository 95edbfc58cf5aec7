import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import { ManualClock } from '../support/manual-clock.js';
import { eventually } from '../support/wait.js';
import type { StoresUnderTest } from './factory.js';

export async function memoryStores(): Promise<StoresUnderTest> {
  const clock = new ManualClock();
  const stores = new MemoryStores({ clock });
  await stores.start();
  return { stores, advance: (ms) => clock.advance(ms), close: () => stores.stop() };
}

export async function redisStores(redis = inject('redisUrl')): Promise<StoresUnderTest> {
  const stores = new RedisStores(
    { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
    { redis, cluster: `contract-${randomUUID()}`, requireDurability: true },
  );
  await stores.start();
  const advance = async (ms: number): Promise<void> => {
    const until = (await stores.executions.serverTime()) + ms;
    const hasPassed = async (): Promise<boolean> => (await stores.executions.serverTime()) > until;
    await eventually(`${ms} ms at the server`, hasPassed, { everyMs: 2 });
  };
  return { stores, advance, close: () => stores.stop() };
}
