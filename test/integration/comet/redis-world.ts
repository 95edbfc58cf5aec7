import { RedisMailbox } from '../../../src/comet/redis/redis-mailbox.js';
import type { MailboxLimits } from '../../../src/comet/mailbox.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisConnection } from '../../../src/store/redis/connection.js';
import { RedisPubSub } from '../../../src/store/redis/pub-sub.js';
import { eventually } from '../../support/wait.js';

let count = 0;

export interface RedisWorld {
  readonly cluster: string;
  readonly connection: RedisConnection;
  mailbox(): RedisMailbox;
  /** Resolves when so much of the server's time has passed. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Connections of one process to Redis, for a cluster of its own. */
export async function openRedisWorld(url: string, limits?: MailboxLimits, name?: string): Promise<RedisWorld> {
  const cluster = name ?? `comet-${process.pid}-${Date.now().toString(36)}-${++count}`;
  const deps = { clock: systemClock, logger: silentLogger, metrics: new Metrics() };
  const connection = new RedisConnection(deps, { source: url });
  const pubSub = new RedisPubSub(deps, { source: url });
  await connection.start();
  await pubSub.start();
  const now = async (): Promise<number> => {
    const [seconds, micros] = (await connection.send('TIME', [])) as [string, string];
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  return {
    cluster,
    connection,
    mailbox: () => new RedisMailbox({ connection, pubSub }, { cluster, ...(limits === undefined ? {} : { limits }) }),
    pass: async (ms) => {
      const until = (await now()) + ms;
      await eventually(`${ms} ms of Redis time`, async () => (await now()) >= until, { everyMs: 2 });
    },
    close: async () => {
      await pubSub.stop();
      await connection.stop();
    },
  };
}
