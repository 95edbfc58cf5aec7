import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../../scripts/servers.mjs';
import { start } from '../../../src/cli/start.js';
import { RedisProxy } from '../../support/redis-proxy.js';

/** Sees a process of all roles ready, and stops it. Returns the answers of Redis that it took till then. */
async function answersUntilReady(redisPort: number, breakAt: number): Promise<number> {
  const proxy = await RedisProxy.start(redisPort);
  let answers = 0;
  proxy.onReply = () => (++answers === breakAt ? 0 : 'forward');
  const flags = { redis: proxy.url, cluster: `start-${randomUUID()}`, port: '0' };
  const lines: string[] = [];
  const node = await start(
    Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
    { CLOUDJOB_API_KEY: 'a-key-for-this-test-only-0123456789', CLOUDJOB_SHARDS: '1', CLOUDJOB_LOG_LEVEL: 'silent' },
    (line) => lines.push(line),
  );
  const taken = answers;
  expect(lines.join()).toContain('CloudJob is ready at');
  await node.stop();
  await proxy.stop();
  return taken;
}

it('a process starts although its connection to Redis breaks, whichever answer that takes from it', async () => {
  const redis = await startRedis({ appendOnly: true });
  onTestFinished(() => redis.stop());
  const answers = await answersUntilReady(redis.port, Infinity);
  expect(answers).toBeGreaterThan(10);
  for (let breakAt = 1; breakAt <= answers; breakAt++) await answersUntilReady(redis.port, breakAt);
});
