import { afterAll, afterEach, beforeAll } from 'vitest';
import { describeMailbox } from '../../comet/mailbox-contract.js';
import { describeCalendarStore } from '../../contract/calendar-store.contract.js';
import { describeEventBus } from '../../contract/event-bus.contract.js';
import { describeExecutionStore } from '../../contract/execution-store.contract.js';
import { redisStores } from '../../contract/implementations.js';
import { describeJobStore } from '../../contract/job-store.contract.js';
import { describeNodeRegistry } from '../../contract/node-registry.contract.js';
import { describePlanningStore } from '../../contract/planning-store.contract.js';
import { startRedisCluster, type RedisClusterTopology } from '../../support/redis-topologies.js';
import { openRedisWorld, type RedisWorld } from '../comet/redis-world.js';

let topology: RedisClusterTopology;
const worlds: RedisWorld[] = [];

beforeAll(async () => {
  topology = await startRedisCluster();
});
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});
afterAll(() => topology.stop());

const stores = () => redisStores(topology.url);
describeJobStore('a Redis Cluster', stores);
describeExecutionStore('a Redis Cluster', stores);
describeNodeRegistry('a Redis Cluster', stores);
describeEventBus('a Redis Cluster', stores);
describeCalendarStore('a Redis Cluster', stores);
describePlanningStore('a Redis Cluster', stores);
describeMailbox('a Redis Cluster', async (limits) => {
  const world = await openRedisWorld(topology.url, limits);
  worlds.push(world);
  return { mailbox: world.mailbox(), pass: world.pass };
});
