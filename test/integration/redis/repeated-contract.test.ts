import { afterAll, afterEach, expect, inject } from 'vitest';
import { describeMailbox } from '../../comet/mailbox-contract.js';
import { describeCalendarStore } from '../../contract/calendar-store.contract.js';
import { describeExecutionStore } from '../../contract/execution-store.contract.js';
import type { StoresUnderTest } from '../../contract/factory.js';
import { redisStores } from '../../contract/implementations.js';
import { describeJobStore } from '../../contract/job-store.contract.js';
import { describePlanningStore } from '../../contract/planning-store.contract.js';
import type { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { openRedisWorld, type RedisWorld } from '../comet/redis-world.js';
import { repeatScripts, seenTwice } from './repeated-scripts.js';

const worlds: RedisWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

async function stores(): Promise<StoresUnderTest> {
  const opened = await redisStores();
  repeatScripts((opened.stores as RedisStores).connection);
  return opened;
}

const NAME = 'Redis, every script twice';
describeJobStore(NAME, stores);
describeExecutionStore(NAME, stores);
describeCalendarStore(NAME, stores);
describePlanningStore(NAME, stores);
describeMailbox(NAME, async (limits) => {
  const world = await openRedisWorld(inject('redisUrl'), limits);
  worlds.push(world);
  repeatScripts(world.connection);
  return { mailbox: world.mailbox(), pass: world.pass };
});

afterAll(() => {
  // What no contract here calls has tests of its own that call it again.
  expect(new Set(seenTwice.keys()).size).toBeGreaterThanOrEqual(33);
});
