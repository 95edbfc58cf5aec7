import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExecutionId } from '../../src/domain/execution.js';
import { leaseTokenOf } from '../../src/domain/lease.js';
import { shardOfJob } from '../../src/domain/shard.js';
import { startApi, type ApiServer } from './support/api-server.js';

const namespace = '/v1/namespaces/app';
const runs = `${namespace}/jobs/report/executions`;

let api: ApiServer;
beforeEach(async () => {
  api = await startApi();
  await api.call.put(`${namespace}/jobs/report`).send({
    target: { type: 'handler', handler: 'report' },
    data: { kind: 'daily' },
    retry: { maxAttempts: 1 },
  });
});
afterEach(() => api.stop());

/** Runs one attempt of the job to its end, as a worker would. */
async function work(settlement: 'succeeded' | 'failed'): Promise<void> {
  const { executions } = api.stores;
  const shard = shardOfJob('app/report', executions.shardCount);
  const token = leaseTokenOf('token');
  const request = { lanes: ['default/handler/report' as const], limit: 1, worker: 'w1', leaseMs: 6000, token };
  const [claimed] = await executions.claim(shard, request);
  if (claimed === undefined) throw new Error('nothing was queued');
  const end =
    settlement === 'succeeded'
      ? { type: 'succeeded' as const, result: { rows: 3 }, retentionMs: 60_000 }
      : {
          type: 'failed' as const,
          error: { code: 'CJ_HANDLER_THREW', message: 'no paper' },
          reason: 'attempts-used-up' as const,
          retentionMs: 60_000,
        };
  await executions.settle(shard, [{ id: claimed.execution.id, token, settlement: end }]);
}

describe('running a job now', () => {
  it('queues an execution that can be read until its end', async () => {
    const run = await api.call.post(runs).send({ data: { kind: 'extra' } });
    expect(run.status).toBe(201);
    expect(run.body).toEqual({
      id: run.body.id,
      namespace: 'app',
      job: 'report',
      trigger: null,
      state: 'queued',
      nominalAt: '2026-11-21T00:00:00.000Z',
      dueAt: '2026-11-21T00:00:00.000Z',
      firedAt: '2026-11-21T00:00:00.000Z',
      attempt: 0,
      maxAttempts: 1,
      idempotencyKey: `app/report@${run.body.id}`,
      epoch: 0,
      data: { kind: 'extra' },
    });
    await api.clock.advance(1000);
    await work('succeeded');
    expect((await api.call.get(`${namespace}/executions/${run.body.id}`)).body).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      worker: 'w1',
      startedAt: '2026-11-21T00:00:01.000Z',
      finishedAt: '2026-11-21T00:00:01.000Z',
      result: { rows: 3 },
    });
  });

  it('needs no body', async () => {
    const run = await api.call.post(runs);
    expect(run.status).toBe(201);
    expect(run.body.data).toBeUndefined();
  });

  it('twice is two executions', async () => {
    const ids = [(await api.call.post(runs)).body.id, (await api.call.post(runs)).body.id];
    expect(new Set(ids).size).toBe(2);
  });

  it('refuses a body with other fields, and data that is too large', async () => {
    expect((await api.call.post(runs).send({ kind: 'x' })).body.violations[0].field).toBe('kind');
    const large = await api.call.post(runs).send({ data: 'x'.repeat(70_000) });
    expect(large.status).toBe(400);
    expect(large.body.violations[0].field).toBe('data');
    expect((await api.call.get(runs)).body.items).toEqual([]);
  });

  it('needs the job', async () => {
    expect((await api.call.post(`${namespace}/jobs/nobody/executions`)).body.code).toBe('CJ_JOB_NOT_FOUND');
    expect((await api.call.get(`${namespace}/jobs/nobody/executions`)).body.code).toBe('CJ_JOB_NOT_FOUND');
  });
});

describe('an idempotency key', () => {
  const runWith = (key: string, data?: unknown) => api.call.post(runs).set('idempotency-key', key).send({ data });

  it('makes repeated requests one execution, also at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => runWith('order-7')));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 201));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect((await api.call.get(runs)).body.items).toHaveLength(1);
  });

  it('is remembered for a day, whatever became of the execution', async () => {
    const first = await runWith('order-7');
    await work('succeeded');
    await api.clock.advance(24 * 3_600_000);
    const again = await runWith('order-7');
    expect(again.body.id).toBe(first.body.id);
    expect(again.body.state).toBe('succeeded');
    await api.clock.advance(2 * 3_600_000);
    expect((await runWith('order-7')).body.id).not.toBe(first.body.id);
  });

  it('belongs to one job', async () => {
    await api.call.put(`${namespace}/jobs/other`).send({ target: { type: 'handler', handler: 'other' } });
    const other = await api.call.post(`${namespace}/jobs/other/executions`).set('idempotency-key', 'order-7');
    expect(other.body.id).not.toBe((await runWith('order-7')).body.id);
  });

  it('cannot be used for other data', async () => {
    await runWith('order-7', { a: 1 });
    expect((await runWith('order-7', { a: 1 })).status).toBe(201);
    const other = await runWith('order-7', { a: 2 });
    expect(other.status).toBe(409);
    expect(other.body.code).toBe('CJ_IDEMPOTENCY_CONFLICT');
  });

  it('has a length', async () => {
    expect((await runWith('x'.repeat(256))).body.violations[0].field).toBe('idempotencyKey');
  });

  it('does not hide the run from a list by time, nor move it below older ones', async () => {
    await api.call.post(runs);
    await api.clock.advance(1000);
    const keyed = await runWith('order-7');
    const since = '2026-11-21T00:00:00.500Z';
    const recent = await api.call.get(runs).query({ since });
    expect(recent.body.items.map((item: { id: string }) => item.id)).toEqual([keyed.body.id]);
    expect((await api.call.get(runs)).body.items[0].id).toBe(keyed.body.id);
  });
});

describe('an execution', () => {
  it('is cancelled while it waits', async () => {
    const run = await api.call.post(runs);
    const cancelled = await api.call.post(`${namespace}/executions/${run.body.id}/cancel`);
    expect(cancelled.status).toBe(200);
    expect(cancelled.body).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
  });

  it('that failed is queued again by a retry, any other is not', async () => {
    const run = await api.call.post(runs);
    const path = `${namespace}/executions/${run.body.id}/retry`;
    expect((await api.call.post(path)).body.code).toBe('CJ_STATE_CONFLICT');
    await work('failed');
    expect((await api.call.get(`${namespace}/executions/${run.body.id}`)).body).toMatchObject({
      state: 'failed',
      reason: 'attempts-used-up',
      error: { code: 'CJ_HANDLER_THREW', message: 'no paper' },
    });
    const retried = await api.call.post(path);
    expect(retried.status).toBe(200);
    expect(retried.body).toMatchObject({ state: 'queued', maxAttempts: 2 });
  });

  it('of another namespace does not exist', async () => {
    const run = await api.call.post(runs);
    for (const [method, action] of [
      ['get', ''],
      ['post', '/cancel'],
      ['post', '/retry'],
    ] as const) {
      const answer = await api.call[method](`/v1/namespaces/other/executions/${run.body.id}${action}`);
      expect(answer.body.code).toBe('CJ_EXECUTION_NOT_FOUND');
    }
    const stored = await api.stores.executions.getExecution(run.body.id as ExecutionId);
    expect(stored?.state).toBe('queued');
  });

  it.each(['nonsense', '9999-000000000000000-m1', '0-000000000000000-m1'])('%s does not exist', async (id) => {
    expect((await api.call.get(`${namespace}/executions/${id}`)).status).toBe(404);
  });

  it('is listed by state, job and time', async () => {
    await api.call.post(runs);
    await work('succeeded');
    await api.clock.advance(10_000);
    await api.call.post(runs);
    const count = async (query: object) =>
      (await api.call.get(`${namespace}/executions`).query(query)).body.items.length;
    expect(await count({})).toBe(2);
    expect(await count({ state: 'queued' })).toBe(1);
    expect(await count({ job: 'report', state: 'succeeded' })).toBe(1);
    expect(await count({ job: 'nobody' })).toBe(0);
    expect(await count({ since: '2026-11-21T00:00:10Z' })).toBe(1);
    expect((await api.call.get(`${namespace}/executions`).query({ since: 'yesterday' })).body.violations[0].field).toBe(
      'since',
    );
    expect((await api.call.get(`${namespace}/executions`).query({ state: 'lost' })).status).toBe(400);
  });
});
