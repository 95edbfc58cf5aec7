import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../../../scripts/servers.mjs';
import { silentLogger as logger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock as clock } from '../../../src/runtime/system-clock.js';
import { RedisStores } from '../../../src/store/redis/redis-stores.js';
import { startApi, type ApiServer } from '../../api/support/api-server.js';
import { eventually } from '../../support/wait.js';

const jobs = '/v1/namespaces/app/jobs';
const job = { target: { type: 'handler', handler: 'report' }, schedule: { type: 'every', everyMs: 60_000 } };

let redis: RedisServer;
let stores: RedisStores;
let api: ApiServer;
beforeAll(async () => {
  redis = await startRedis({ appendOnly: true });
  stores = new RedisStores(
    { clock, logger, metrics: new Metrics() },
    { redis: redis.url, cluster: 'outage', shardCount: 2, requireDurability: true },
  );
  await stores.start();
  api = await startApi({ stores });
});
afterAll(async () => {
  await api.stop();
  await stores.stop();
  await redis.stop();
});

it('without Redis every request is refused with 503, and what was acknowledged before is there afterwards', async () => {
  expect((await api.call.put(`${jobs}/before`).send(job)).status).toBe(201);
  expect((await api.call.get('/readyz')).status).toBe(200);

  await redis.kill('SIGKILL');
  const refused = await Promise.all([
    api.call.put(`${jobs}/during`).send(job),
    api.call.put(`${jobs}/before`).send({ ...job, priority: 9 }),
    api.call.patch(`${jobs}/before`).send({ priority: 9 }),
    api.call.post(`${jobs}/before/executions`),
    api.call.post(`${jobs}/before/pause`),
    api.call.post(`${jobs}/before/triggers/import`).set('content-type', 'application/x-ndjson').send('{"name":"a"}'),
    api.call.delete(`${jobs}/before`),
    api.call.get(`${jobs}/before`),
    api.call.get('/v1/cluster'),
  ]);
  for (const answer of refused) {
    expect(answer.status, answer.request.url).toBe(503);
    expect(answer.body.code, answer.request.url).toMatch(/^CJ_REDIS_/);
    expect(answer.headers['retry-after']).toBe('1');
    expect(JSON.stringify(answer.body)).not.toContain('127.0.0.1');
  }
  expect((await api.call.get('/readyz')).status).toBe(503);
  expect((await api.call.get('/healthz')).status).toBe(200);

  await redis.start();
  const list = await eventually('Redis to be used again', async () => {
    const answer = await api.call.get(jobs);
    return answer.status === 200 && answer;
  });
  expect(list.body.items).toHaveLength(1);
  expect(list.body.items[0]).toMatchObject({ name: 'before', priority: 0, version: 1, status: { state: 'active' } });
  expect((await api.call.get(`${jobs}/before/executions`)).body.items).toEqual([]);
  await eventually('readiness', async () => (await api.call.get('/readyz')).status === 200);
});
