import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epochOf, shardOfJob } from '../../src/domain/shard.js';
import { planBackfill } from '../../src/domain/backfill.js';
import { compileTrigger } from '../../src/domain/trigger.js';
import { startApi, type ApiServer } from './support/api-server.js';

const job = '/v1/namespaces/app/jobs/report';
const RANGE = { from: '2026-11-20T00:00:00Z', to: '2026-11-20T03:00:00Z' };

let api: ApiServer;
beforeEach(async () => {
  api = await startApi();
  await api.call.put(job).send({
    target: { type: 'handler', handler: 'report' },
    schedule: { type: 'cron', expression: '0 * * * *' },
  });
});
afterEach(() => api.stop());

/** One step, as the leader would make it. */
async function step(id: string): Promise<void> {
  const { backfills, jobs, executions } = api.stores;
  const owner = await jobs.getJob('app/report');
  const backfill = await backfills.getBackfill('app/report', id);
  if (owner === null || backfill === null) throw new Error('nothing is stored');
  const shard = shardOfJob('app/report', executions.shardCount);
  const compiled = compileTrigger('app/report/default', backfill.definition);
  await backfills.stepBackfill(shard, epochOf(1), planBackfill(backfill, { job: owner, shard, compiled, limit: 2 }));
}

describe('a backfill', () => {
  it('is accepted, read while it goes on, listed, and seen in the executions', async () => {
    const accepted = await api.call.post(`${job}/backfill`).send({ ...RANGE, id: 'may', overlap: 'allow', data: [1] });
    expect(accepted.status).toBe(202);
    expect(accepted.body).toEqual({
      ...{ id: 'may', namespace: 'app', job: 'report', trigger: 'default', overlap: 'allow', data: [1] },
      ...{ from: '2026-11-20T00:00:00.000Z', to: '2026-11-20T03:00:00.000Z', state: 'running' },
      ...{ count: 3, queuedCount: 0, skippedCount: 0, createdAt: '2026-11-21T00:00:00.000Z' },
    });
    await step('may');
    const going = await api.call.get(`${job}/backfills/may`);
    expect(going.body).toEqual({ ...accepted.body, queuedCount: 2 });
    const { items } = (await api.call.get(`${job}/executions`)).body;
    expect(items).toHaveLength(2);
    expect(items[1]).toMatchObject({
      ...{ trigger: 'default', backfill: 'may', nominalAt: '2026-11-20T00:00:00.000Z', data: [1] },
      idempotencyKey: `app/report/default@${Date.parse(RANGE.from)}#may`,
    });
    await step('may');
    const done = { ...accepted.body, state: 'done', queuedCount: 3, finishedAt: '2026-11-21T00:00:00.000Z' };
    expect((await api.call.get(`${job}/backfills`)).body).toEqual({ items: [done] });
  });

  it('is one however often it is asked for under its id, and no other', async () => {
    const first = await api.call.post(`${job}/backfill`).send({ ...RANGE, id: 'b' });
    const again = await api.call.post(`${job}/backfill`).send({ ...RANGE, id: 'b' });
    expect([again.status, again.body]).toEqual([202, first.body]);
    const other = await api.call.post(`${job}/backfill`).send({ ...RANGE, id: 'b', overlap: 'skip' });
    expect([other.status, other.body.code]).toEqual([409, 'CJ_IDEMPOTENCY_CONFLICT']);
    const unnamed = [
      await api.call.post(`${job}/backfill`).send(RANGE),
      await api.call.post(`${job}/backfill`).send(RANGE),
    ];
    expect(new Set(unnamed.map(({ body }) => body.id)).size).toBe(2);
  });

  it('is cancelled, more than once too', async () => {
    await api.call.post(`${job}/backfill`).send({ ...RANGE, id: 'b' });
    const cancelled = await api.call.post(`${job}/backfills/b/cancel`);
    expect([cancelled.status, cancelled.body.state, cancelled.body.reason]).toEqual([200, 'cancelled', 'cancelled']);
    expect((await api.call.post(`${job}/backfills/b/cancel`)).body).toEqual(cancelled.body);
  });

  it('is refused with the field at fault', async () => {
    const refusal = async (body: object) => {
      const answer = await api.call.post(`${job}/backfill`).send(body);
      return [answer.status, answer.body.violations?.[0]?.field ?? answer.body.code];
    };
    expect(await refusal({ ...RANGE, to: '2026-11-22T00:00:00Z' })).toEqual([400, 'to']);
    expect(await refusal({ from: '2015-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' })).toEqual([400, 'to']);
    expect(await refusal({ ...RANGE, from: '2026-11-20T02:30:00Z' })).toEqual([400, 'from']);
    expect(await refusal({ ...RANGE, overlap: 'cancelOther' })).toEqual([400, 'overlap']);
    expect(await refusal({ ...RANGE, trigger: 'none' })).toEqual([404, 'CJ_TRIGGER_NOT_FOUND']);
    expect(await refusal({})).toEqual([400, 'from']);
    expect((await api.call.get(`${job}/backfills/none`)).status).toBe(404);
    expect((await api.call.get('/v1/namespaces/app/jobs/none/backfills')).status).toBe(404);
  });
});
