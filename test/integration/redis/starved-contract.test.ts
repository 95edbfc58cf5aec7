import { afterAll, beforeAll, expect } from 'vitest';
import { startRedis, type RedisServer } from '../../../scripts/servers.mjs';
import type { RedisArg, RedisConnection } from '../../../src/store/redis/connection.js';
import { isUnknownScript } from '../../../src/store/redis/redis-errors.js';
import type { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { describeExecutionStore } from '../../contract/execution-store.contract.js';
import type { StoresUnderTest } from '../../contract/factory.js';
import { redisStores } from '../../contract/implementations.js';
import { describeJobStore } from '../../contract/job-store.contract.js';
import { contentOf } from './repeated-scripts.js';

let server: RedisServer;
let refusedCount = 0;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.stop();
  expect(refusedCount).toBeGreaterThan(100);
});

/** Every script meets a Redis without memory first: it is refused as a whole, or it frees memory and is applied. */
function starveScripts(connection: RedisConnection): void {
  const send = connection.send.bind(connection);
  const starved = async (command: string, args: readonly RedisArg[]): Promise<unknown> => {
    const content = (): Promise<unknown[]> =>
      Promise.all(args.slice(2, 2 + Number(args[1])).map((key) => contentOf(send, String(key))));
    const before = await content();
    await send('CONFIG', ['SET', 'maxmemory', 1]);
    try {
      return await send(command, args);
    } catch (error) {
      if (isUnknownScript(error)) throw error;
      expect(error).toMatchObject({ code: 'CJ_REDIS_UNAVAILABLE', details: { reply: 'OOM' } });
    } finally {
      await send('CONFIG', ['SET', 'maxmemory', 0]);
    }
    refusedCount++;
    expect(await content(), 'nothing of a refused script is written').toEqual(before);
    return send(command, args);
  };
  let previous: Promise<unknown> = Promise.resolve();
  connection.send = (command: string, args: readonly RedisArg[]): Promise<unknown> => {
    if (command !== 'EVALSHA') return send(command, args);
    const result = previous.then(() => starved(command, args));
    previous = result.catch(() => undefined);
    return result;
  };
}

async function stores(): Promise<StoresUnderTest> {
  const opened = await redisStores(server.url);
  starveScripts((opened.stores as RedisStores).connection);
  return opened;
}

describeJobStore('Redis, out of memory at first', stores);
describeExecutionStore('Redis, out of memory at first', stores);
