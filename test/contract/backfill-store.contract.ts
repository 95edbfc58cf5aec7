import { describe, expect, it } from 'vitest';
import { backfillKeyOf, planBackfill, type Backfill, type BackfillRequest } from '../../src/domain/backfill.js';
import { compileTrigger } from '../../src/domain/trigger.js';
import { jobKeyOf, type Job } from '../../src/domain/job.js';
import { epochOf, shardOfJob } from '../../src/domain/shard.js';
import { aJobDefinition, aJobKey, aToken, aTriggerDefinition, EPOCH_1 } from '../support/builders.js';
import { open, type StoresFactory } from './factory.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const FROM = Date.parse('2026-03-01T00:00:00Z');
const LANES = ['default/handler/work'] as const;

export function describeBackfillStore(name: string, makeStores: StoresFactory): void {
  /** A job with a backfill of the minutes of ten minutes. */
  async function stored(fields: Partial<BackfillRequest> = {}) {
    const { stores, ...opened } = await open(makeStores);
    const key = aJobKey();
    const { job } = await stores.jobs.putJob({ key, definition: aJobDefinition({ retry: { maxAttempts: 1 } }) });
    const shard = shardOfJob(key, stores.executions.shardCount);
    const request: BackfillRequest = {
      ...{
        id: 'b1',
        job: key,
        trigger: 'default',
        definition: aTriggerDefinition(),
        from: FROM,
        to: FROM + 10 * MINUTE,
      },
      ...{ overlap: 'allow', count: 10, createdAt: FROM + HOUR },
      ...fields,
    };
    const backfill = await stores.backfills.putBackfill(request);
    const current = async () => (await stores.backfills.getBackfill(key, request.id)) as Backfill;
    const step = async (limit: number, from?: Backfill) => {
      const planned = plannedFor(from ?? (await current()), { job, shard, limit });
      return stores.backfills.stepBackfill(shard, EPOCH_1, planned);
    };
    const records = async () =>
      [...(await stores.executions.listExecutions({ namespace: 'shop', job: job.name, limit: 100 })).items].reverse();
    return { ...opened, stores, key, job, shard, request, backfill, current, step, records };
  }

  function plannedFor(backfill: Backfill, given: { job: Job; shard: number; limit: number }) {
    const compiled = compileTrigger('shop/x/default', backfill.definition);
    return planBackfill(backfill, { ...given, compiled });
  }

  describe(`${name}: BackfillStore`, () => {
    it('keeps what was asked for, once for each id', async () => {
      const { stores, request, backfill, key } = await stored({ data: { rows: [1] } });
      const progress = { state: 'running', cursor: FROM - 1, queuedCount: 0, skippedCount: 0 };
      expect(backfill).toEqual({ ...request, ...progress });
      expect(await stores.backfills.putBackfill({ ...request, to: FROM + 1 })).toEqual(backfill);
      const other = { ...request, id: 'b0', createdAt: request.createdAt - 1 };
      await stores.backfills.putBackfill(other);
      expect((await stores.backfills.listBackfills(key)).map(({ id }) => id)).toEqual(['b0', 'b1']);
      expect(await stores.backfills.getBackfill(key, 'b2')).toBeNull();
    });

    it('is refused for a job that does not exist', async () => {
      const { stores, request } = await stored();
      const nowhere = stores.backfills.putBackfill({ ...request, job: jobKeyOf('shop', 'nowhere') });
      await expect(nowhere).rejects.toMatchObject({ code: 'CJ_JOB_NOT_FOUND' });
    });

    it('tells the leader of the shard', async () => {
      const { stores, request, shard } = await stored();
      const heard = new Promise<void>((resolve) => void stores.executions.onShardChanged(shard, resolve));
      await stores.executions.onShardChanged(shard, () => undefined);
      await stores.backfills.putBackfill({ ...request, id: 'b2' });
      await heard;
    });

    it('queues step by step, below everything live, and says in each record whose it is', async () => {
      const { shard, step, current, records, key } = await stored();
      expect(await step(4)).toBe('stepped');
      expect(await current()).toMatchObject({ state: 'running', cursor: FROM + 3 * MINUTE, queuedCount: 4 });
      expect(await step(6)).toBe('stepped');
      expect(await current()).toMatchObject({ state: 'done', queuedCount: 10, finishedAt: expect.any(Number) });
      const all = await records();
      expect(all.map(({ nominalAt }) => nominalAt)).toEqual(Array.from({ length: 10 }, (_, i) => FROM + i * MINUTE));
      expect(all[0]).toMatchObject({
        ...{
          id: expect.stringMatching(new RegExp(`^${shard}-0*${FROM}-b[0-9a-f]{24}$`)),
          job: key,
          trigger: 'default',
        },
        ...{ state: 'queued', priority: -100, backfill: 'b1', epoch: EPOCH_1, maxAttempts: 1 },
      });
    });

    it('applies a repeated step once', async () => {
      const { backfill, step, current, records } = await stored();
      expect(await step(4, backfill)).toBe('stepped');
      const before = await current();
      expect(await step(4, backfill)).toBe('stale');
      expect(await current()).toEqual(before);
      expect(await records()).toHaveLength(4);
    });

    it('waits for the execution before, where they run one after the other', async () => {
      const { stores, shard, step, current, records } = await stored({ overlap: 'bufferAll' });
      expect([await step(5), await step(5), await step(5)]).toEqual(['stepped', 'busy', 'busy']);
      expect(await current()).toMatchObject({ queuedCount: 1 });
      const token = aToken();
      const claim = { lanes: LANES, limit: 5, worker: 'w1', leaseMs: HOUR, token };
      const [claimed] = await stores.executions.claim(shard, claim);
      expect(await step(5)).toBe('busy');
      const settlement = { type: 'succeeded', retentionMs: HOUR } as const;
      await stores.executions.settle(shard, [{ id: claimed?.execution.id as never, token, settlement }]);
      expect(await step(5)).toBe('stepped');
      expect((await records()).map(({ state }) => state)).toEqual(['succeeded', 'queued']);
    });

    it('records what meets an execution that has not ended as skipped', async () => {
      const { step, current, records } = await stored({ overlap: 'skip' });
      expect([await step(1), await step(1)]).toEqual(['stepped', 'stepped']);
      expect(await current()).toMatchObject({ queuedCount: 1, skippedCount: 1, cursor: FROM + MINUTE });
      expect((await records()).map(({ state, reason, backfill }) => [state, reason, backfill])).toEqual([
        ['queued', undefined, 'b1'],
        ['skipped', 'overlap', 'b1'],
      ]);
    });

    it('queues nothing more once it is cancelled; an ended one stays as it is', async () => {
      const { stores, key, step, current, records } = await stored();
      await step(3);
      const cancelled = await stores.backfills.cancelBackfill(key, 'b1');
      expect(cancelled).toMatchObject({ state: 'cancelled', reason: 'cancelled', finishedAt: expect.any(Number) });
      expect(await step(3)).toBe('stale');
      expect(await records()).toHaveLength(3);
      expect(await stores.backfills.cancelBackfill(key, 'b1')).toEqual(cancelled);
      expect(await current()).toEqual(cancelled);
      expect(await stores.backfills.cancelBackfill(key, 'b2')).toBeNull();
    });

    it('is ended and deleted by the leader alone', async () => {
      const { stores, shard, key, request, current, backfill, step } = await stored();
      await stores.executions.sealFence(shard, epochOf(2), 'bob');
      const refused = { code: 'CJ_EPOCH_STALE' };
      await expect(step(1)).rejects.toMatchObject(refused);
      await expect(
        stores.backfills.endBackfill(shard, EPOCH_1, backfillKeyOf(request), 'job-deleted'),
      ).rejects.toMatchObject(refused);
      await expect(stores.backfills.dropBackfills(shard, EPOCH_1, [backfillKeyOf(request)])).rejects.toMatchObject(
        refused,
      );
      expect(await current()).toEqual(backfill);
      await stores.backfills.endBackfill(shard, epochOf(2), backfillKeyOf(request), 'job-deleted');
      expect(await current()).toMatchObject({ state: 'cancelled', reason: 'job-deleted' });
      await stores.backfills.dropBackfills(shard, epochOf(2), [backfillKeyOf(request)]);
      expect(await stores.backfills.listBackfills(key)).toEqual([]);
    });

    it('fires again what fired live, under another key', async () => {
      const { stores, records, step, key } = await stored();
      const other = { ...(await stores.backfills.getBackfill(key, 'b1')), id: 'b2' } as Backfill;
      await stores.backfills.putBackfill(other);
      await step(1);
      await step(1, (await stores.backfills.getBackfill(key, 'b2')) as Backfill);
      expect((await records()).map(({ nominalAt, backfill }) => [nominalAt, backfill])).toEqual(
        expect.arrayContaining([
          [FROM, 'b1'],
          [FROM, 'b2'],
        ]),
      );
    });
  });
}
