import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect, inject, it, onTestFinished } from 'vitest';
import { earliestDue, readsFromMaster } from './shard-contents.js';

function source() {
  // As the suite opens its own: with the protocol that the library prefers.
  const client = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null });
  onTestFinished(() => client.disconnect());
  return { client, cluster: `contents-${randomUUID()}` };
}

it('says what is due first in a shard, and that nothing is', async () => {
  const { client, cluster } = source();
  expect(await earliestDue({ client, cluster }, 3)).toBe(Infinity);
  await client.zadd(`cj:{${cluster}:3}:due`, 1_795_000_000_500, 'b', 1_795_000_000_250, 'a');
  expect(await earliestDue({ client, cluster }, 3)).toBe(1_795_000_000_250);
});

it('knows a master', async () => {
  expect(await readsFromMaster(source())).toBe(true);
});
