import { afterEach, inject } from 'vitest';
import { describeMailbox } from '../../comet/mailbox-contract.js';
import { openRedisWorld, type RedisWorld } from './redis-world.js';

const worlds: RedisWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

describeMailbox('Redis', async (limits) => {
  const world = await openRedisWorld(inject('redisUrl'), limits);
  worlds.push(world);
  return { mailbox: world.mailbox(), pass: world.pass };
});
