import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { StoreClient } from '../../src/client/store-client.js';
import { Worker } from '../../src/client/worker.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import { eventually } from '../support/wait.js';

let stores: RedisStores;
let client: StoreClient;
let workers: Worker[];
let cluster: string;

beforeEach(async () => {
  cluster = `workers-${randomUUID()}`;
  const deps = { clock: systemClock, logger: silentLogger, metrics: new Metrics() };
  stores = new RedisStores(deps, { redis: inject('redisUrl'), cluster, shardCount: 4, requireDurability: false });
  await stores.start();
  client = new StoreClient({ stores }, { namespace: 'shop' });
  workers = [];
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await stores.stop();
});

function newWorker(options: { concurrency?: number; drainMs?: number } = {}): Worker {
  const worker = new Worker({ redis: inject('redisUrl'), cluster, ...options });
  workers.push(worker);
  return worker;
}

const runNow = (job: string, n: number) => client.run(job, { data: n });

it('two workers share what is queued: everything ends once, with its result', async () => {
  const seen: number[] = [];
  const jobs = ['a', 'b', 'c', 'd', 'e'];
  for (const name of jobs) await client.putJob({ name, target: { type: 'handler', handler: 'double' } });
  for (let i = 0; i < 2; i++) {
    const worker = newWorker({ concurrency: 5 }).handle<number>('double', ({ data }) => {
      seen.push(data);
      return data * 2;
    });
    await worker.start();
  }
  const records = await Promise.all(Array.from({ length: 200 }, (_, i) => runNow(jobs[i % 5]!, i)));
  await eventually('all ended', async () => {
    const ended = await Promise.all(records.map(({ id }) => client.getExecution(id)));
    return ended.every((record, i) => record.state === 'succeeded' && record.result === i * 2 && record.attempt === 1);
  });
  expect(seen.sort((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, i) => i));
});

it('starts what is queued while it waits within a moment, not at the next sweep', async () => {
  await client.putJob({ name: 'a', target: { type: 'handler', handler: 'quick' } });
  await newWorker()
    .handle('quick', () => 1)
    .start();
  const delays: number[] = [];
  for (let i = 0; i < 20; i++) {
    const startedAt = performance.now();
    const { id } = await runNow('a', i);
    await eventually('the end', async () => (await client.getExecution(id)).state === 'succeeded', { everyMs: 2 });
    delays.push(performance.now() - startedAt);
  }
  expect(delays.sort((x, y) => x - y)[10]).toBeLessThan(500);
});

it('gives back what does not end in time, and another worker runs it', async () => {
  await client.putJob({ name: 'a', target: { type: 'handler', handler: 'slow' } });
  const first = newWorker({ drainMs: 0 }).handle(
    'slow',
    ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
  );
  await first.start();
  const { id } = await runNow('a', 1);
  await eventually('the start', async () => (await client.getExecution(id)).state === 'running');
  await first.stop();
  expect(await client.getExecution(id)).toMatchObject({ state: 'queued', attempt: 0 });
  await newWorker()
    .handle('slow', () => 'second')
    .start();
  await eventually('the end', async () => (await client.getExecution(id)).state === 'succeeded');
  expect(await client.getExecution(id)).toMatchObject({ result: 'second', attempt: 1 });
});
