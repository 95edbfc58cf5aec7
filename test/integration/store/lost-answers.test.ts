import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, inject, it, onTestFinished } from 'vitest';
import { CloudJobError } from '../../../src/domain/errors.js';
import { shardOfJob } from '../../../src/domain/shard.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { aDecision, aFire, aJobDefinition, aJobKey, aToken, aTriggerWrite, EPOCH_1 } from '../../support/builders.js';
import { eventually } from '../../support/wait.js';

const LANE = 'default/handler/work';

/** Passes bytes on to Redis; once told to, it swallows this part of the answers and cuts their connections. */
async function lossyProxy(part: number) {
  const target = new URL(inject('redisUrl'));
  const sockets = new Set<Socket>();
  const state = { isLossy: false, lost: 0 };
  let random = 1;
  const isLost = (): boolean => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
    return random / 0x7fffffff < part;
  };
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          near.destroy();
          far.destroy();
        });
    }
    near.pipe(far);
    far.on('data', (chunk) => {
      if (!state.isLossy || !isLost()) near.write(chunk);
      else {
        state.lost++;
        near.destroy();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, state };
}

it('applies every call once although many answers are lost and asked for again', async () => {
  const proxy = await lossyProxy(0.15);
  const open = async (redis: string, cluster: string) => {
    const stores = new RedisStores(
      { clock: systemClock, logger: silentLogger, metrics: new Metrics() },
      { redis, cluster, requireDurability: true },
    );
    await stores.start();
    onTestFinished(() => stores.stop());
    return stores;
  };
  const cluster = `lost-${randomUUID()}`;
  const stores = await open(proxy.url, cluster);
  const witness = await open(inject('redisUrl'), cluster);
  proxy.state.isLossy = true;
  /** The same call with the same arguments, until an answer comes through. */
  const insist = <T>(call: () => Promise<T>): Promise<T> =>
    eventually(
      'an answer',
      async () => {
        try {
          return { answer: await call() };
        } catch (error) {
          if (error instanceof CloudJobError && error.retryable) return undefined;
          throw error;
        }
      },
      { everyMs: 5 },
    ).then(({ answer }) => answer);

  const job = aJobKey();
  const shard = shardOfJob(job, stores.executions.shardCount);
  const start = (await witness.executions.serverTime()) - 3_600_000;
  const names = ['a', 'b', 'c', 'd'];
  const writes = names.map((name) => aTriggerWrite(name, { watermark: start, dueAt: start + 1 }));
  await insist(() => stores.jobs.putJob({ key: job, definition: aJobDefinition(), triggers: writes }));

  const fired = new Set<string>();
  let stale = 0;
  for (let round = 1; round <= 50; round++) {
    const { triggers } = await insist(() => stores.executions.readDue(shard, start + round, 10));
    const decisions = triggers.map((trigger) => {
      const nominalAt = trigger.dueAt ?? 0;
      const fire = aFire(stores, { job, trigger: trigger.key.split('/')[2] ?? '', nominalAt });
      fired.add(fire.id);
      return aDecision(trigger, { fires: [fire], overlap: 'allow', nextDueAt: nominalAt + 1 });
    });
    const results = await insist(() => stores.executions.fire(shard, EPOCH_1, decisions));
    stale += results.filter((result) => result.outcome === 'stale').length;
  }
  expect(fired.size).toBe(200);
  expect(stale).toBeGreaterThan(0);

  const settled: string[] = [];
  for (;;) {
    const request = { lanes: [LANE], limit: 3, worker: 'w1', leaseMs: 60_000, token: aToken() } as const;
    const claimed = await insist(() => stores.executions.claim(shard, request));
    if (claimed.length === 0) break;
    const settlement = { type: 'succeeded', retentionMs: 3_600_000 } as const;
    const items = claimed.map(({ execution, token }) => ({ id: execution.id, token, settlement }));
    const outcomes = await insist(() => stores.executions.settle(shard, items));
    expect(outcomes).not.toContain('lost');
    settled.push(...items.map((item) => item.id));
  }
  expect(settled.sort()).toEqual([...fired].sort());
  expect(await witness.executions.countShard(shard)).toEqual({
    ...{ triggers: 4, executions: 200, queued: 0, running: 0, retrying: 0 },
  });
  expect(proxy.state.lost).toBeGreaterThan(10);
});
