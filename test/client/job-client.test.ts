import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { JobClient } from '../../src/client/job-client.js';
import type { JobInput } from '../../src/client/job-input.js';
import { RestClient } from '../../src/client/rest-client.js';
import { RestTransport } from '../../src/client/rest-transport.js';
import { StoreClient } from '../../src/client/store-client.js';
import { silentLogger as logger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import type { Stores } from '../../src/store/stores.js';
import { API_KEY, startApi } from '../api/support/api-server.js';

interface Opened {
  readonly client: JobClient;
  readonly stop: () => Promise<void>;
}

const memoryStores = (): Stores => new MemoryStores({ clock: systemClock });
const redisStores = (): Stores =>
  new RedisStores(
    { clock: systemClock, logger, metrics: new Metrics() },
    { redis: inject('redisUrl'), cluster: `client-${randomUUID()}`, shardCount: 2, requireDurability: false },
  );

async function overStore(stores: Stores): Promise<Opened> {
  await stores.start();
  return { client: new StoreClient({ stores }, { namespace: 'app' }), stop: () => stores.stop() };
}

async function overRest(stores: Stores): Promise<Opened> {
  await stores.start();
  const api = await startApi({ stores, clock: systemClock });
  const config = { url: api.url, apiKey: API_KEY, timeoutMs: 10_000, maxTries: 3 };
  const client = new RestClient({ transport: new RestTransport({ clock: systemClock }, config) }, { namespace: 'app' });
  const stop = async (): Promise<void> => {
    await client.close();
    await api.stop();
    await stores.stop();
  };
  return { client, stop };
}

const report: JobInput & { name: string } = {
  name: 'report',
  target: { type: 'handler', handler: 'report' },
  schedule: { type: 'cron', expression: '0 2 * * *' },
  timeZone: 'Europe/Berlin',
};
const ada = { name: 'ada', schedule: { type: 'every' as const, everyMs: 3_600_000 } };

describe.each([
  ['over the memory store', () => overStore(memoryStores())],
  ['over Redis', () => overStore(redisStores())],
  ['over REST and the memory store', () => overRest(memoryStores())],
  ['over REST and Redis', () => overRest(redisStores())],
])('a client %s', (_name, open) => {
  let client: JobClient;
  let stop: () => Promise<void>;
  beforeEach(async () => {
    ({ client, stop } = await open());
  });
  afterEach(() => stop());

  it('says what a put did', async () => {
    const first = await client.putJob(report);
    expect(first.outcome).toBe('created');
    expect(first.job).toMatchObject({ name: 'report', version: 1, schedule: report.schedule });
    expect((await client.putJob(report)).outcome).toBe('unchanged');
    const changed = await client.putJob({ ...report, schedule: { type: 'every', everyMs: 60_000 } });
    expect(changed).toMatchObject({ outcome: 'changed', job: { version: 2 } });
    const removed = await client.putJob({ name: 'report', target: report.target });
    expect(removed.job).toMatchObject({ version: 3, status: { triggerCount: 0 } });
    expect(await client.getJob('report')).toEqual(removed.job);
  });

  it('writes only over the version that is expected', async () => {
    await client.putJob(report, { ifVersion: null });
    await expect(client.putJob(report, { ifVersion: null })).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'CJ_VERSION_CONFLICT',
    });
    await expect(client.patchJob('report', { priority: 1 }, { ifVersion: 5 })).rejects.toMatchObject({
      code: 'CJ_VERSION_CONFLICT',
    });
    expect(await client.patchJob('report', { priority: 1 }, { ifVersion: 1 })).toMatchObject({
      version: 2,
      priority: 1,
    });
    await expect(client.deleteJob('report', { ifVersion: 1 })).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
    await client.deleteJob('report', { ifVersion: 2 });
    await expect(client.getJob('report')).rejects.toMatchObject({ name: 'NotFoundError', code: 'CJ_JOB_NOT_FOUND' });
  });

  it('two patches at once are both kept', async () => {
    await client.putJob(report);
    await Promise.all([client.patchJob('report', { priority: 3 }), client.patchJob('report', { queue: 'slow' })]);
    expect(await client.getJob('report')).toMatchObject({ priority: 3, queue: 'slow', version: 3 });
    const patches = [{ jitterMs: 5 }, { maxFires: 7 }];
    await Promise.all(patches.map((patch) => client.patchTrigger('report', 'default', patch)));
    expect(await client.getTrigger('report', 'default')).toMatchObject({ jitterMs: 5, maxFires: 7, version: 3 });
  });

  it('names the fields of what is wrong', async () => {
    const error = await client.putJob({ ...report, timeZone: 'Mars/Olympus' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ValidationError', violations: [{ field: 'timeZone' }] });
    await expect(client.listJobs({ limit: 1000 })).rejects.toMatchObject({ violations: [{ field: 'limit' }] });
  });

  it('keeps triggers', async () => {
    await client.putJob(report);
    expect(await client.putTrigger('report', ada)).toMatchObject({ outcome: 'created', trigger: { version: 1 } });
    expect((await client.putTrigger('report', ada)).outcome).toBe('unchanged');
    expect(await client.patchTrigger('report', 'ada', { data: { a: 1 } })).toMatchObject({
      version: 2,
      data: { a: 1 },
    });
    expect((await client.pauseTrigger('report', 'ada')).status.state).toBe('paused');
    expect((await client.resumeTrigger('report', 'ada')).status.state).toBe('active');
    expect((await client.listTriggers('report')).items.map((trigger) => trigger.name).sort()).toEqual([
      'ada',
      'default',
    ]);
    await client.deleteTrigger('report', 'ada');
    await expect(client.deleteTrigger('report', 'ada')).rejects.toMatchObject({ code: 'CJ_TRIGGER_NOT_FOUND' });
  });

  it('writes many triggers with a result for each', async () => {
    await client.putJob(report);
    const many = Array.from({ length: 2100 }, (_, i) => ({ ...ada, name: `t${i}` }));
    const results = await client.putTriggers('report', [{ ...ada, timeZone: 'Nowhere' }, ...many, 'nonsense', ada]);
    expect(results).toHaveLength(2103);
    expect(results[0]).toMatchObject({ name: 'ada', error: { violations: [{ field: 'triggers[0].timeZone' }] } });
    expect(results.slice(1, 2101).every((result) => 'outcome' in result && result.outcome === 'created')).toBe(true);
    expect(results[2101]).toMatchObject({ error: { violations: [{ field: 'triggers[2101]' }] } });
    expect(results[2102]).toEqual({ name: 'ada', outcome: 'created' });
    expect((await client.getJob('report')).status.triggerCount).toBe(2102);
    await expect(client.putTriggers('nobody', [ada])).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
  });

  it('runs a job once for one key', async () => {
    await client.putJob({ ...report, labels: { team: 'a' } });
    const ids = await Promise.all(
      Array.from({ length: 5 }, async () => (await client.run('report', { data: [1], idempotencyKey: 'k' })).id),
    );
    expect(new Set(ids).size).toBe(1);
    const other = await client.run('report', { data: null });
    expect(other.data).toBeNull();
    const page = await client.listExecutions({
      job: 'report',
      since: new Date(systemClock.now() - 60_000).toISOString(),
    });
    expect(new Set(page.items.map((item) => item.id))).toEqual(new Set([ids[0], other.id]));
    await expect(client.run('report', { idempotencyKey: 'k' })).rejects.toMatchObject({
      code: 'CJ_IDEMPOTENCY_CONFLICT',
    });
    expect((await client.cancelExecution(other.id)).state).toBe('cancelled');
    await expect(client.retryExecution(other.id)).rejects.toMatchObject({ code: 'CJ_STATE_CONFLICT' });
    await expect(client.getExecution('0-1-x')).rejects.toMatchObject({ code: 'CJ_EXECUTION_NOT_FOUND' });
  });

  it('pauses, resumes and lists by label and state', async () => {
    await client.putJob({ ...report, labels: { team: 'a' } });
    expect((await client.pauseJob('report', 'migration')).status.pause?.reason).toBe('migration');
    expect((await client.listJobs({ state: 'paused', label: 'team=a' })).items).toHaveLength(1);
    expect((await client.resumeJob('report')).status.state).toBe('active');
    expect((await client.listJobs({ state: 'paused' })).items).toEqual([]);
    const { fires } = await client.previewSchedule({ schedule: report.schedule ?? ada.schedule, count: 2 });
    expect(fires).toHaveLength(2);
  });
});
