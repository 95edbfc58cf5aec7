import { describe, expect, it } from 'vitest';
import type { Settlement } from '../../src/store/execution-store.js';
import { aDecision, aFire, aJobDefinition, aToken, EPOCH_1, queuedExecution } from '../support/builders.js';
import { eventually } from '../support/wait.js';
import { open, type StoresFactory } from './factory.js';

const LANE = 'default/handler/work';
const HOUR = 3_600_000;
const ERROR = { code: 'CJ_HANDLER_THREW', message: 'it broke' };

export function describeUpkeep(makeStores: StoresFactory): void {
  describeRetries(makeStores);
  describeRescue(makeStores);
  describeRetention(makeStores);
}

/** An execution that runs under a lease of `leaseMs`. */
async function withRunning(
  makeStores: StoresFactory,
  { leaseMs = 60_000, ...fields }: { leaseMs?: number } & Parameters<typeof queuedExecution>[1] = {},
) {
  const opened = await open(makeStores);
  const { stores } = opened;
  const { shard, execution } = await queuedExecution(stores, fields);
  const claim = async (worker = 'w1') => {
    const token = aToken();
    const [claimed] = await stores.executions.claim(shard, { lanes: [LANE], limit: 1, worker, leaseMs, token });
    return claimed === undefined ? undefined : { record: claimed.execution, token };
  };
  const first = await claim();
  if (first === undefined) throw new Error('nothing was claimed');
  const { id } = execution;
  const settle = async (settlement: Settlement, token = first.token) =>
    (await stores.executions.settle(shard, [{ id, token, settlement }]))[0];
  return { ...opened, shard, id, first, claim, settle, record: () => stores.executions.getExecution(id) };
}

function describeRetries(makeStores: StoresFactory): void {
  describe('requeueRetries', () => {
    it('queues a retry once its delay has passed, and keeps the attempt and its error', async () => {
      const { stores, advance, shard, first, settle, record, claim } = await withRunning(makeStores);
      await settle({ type: 'retry', error: ERROR, retryInMs: 40 });
      await advance(41);
      expect(await stores.executions.requeueRetries(shard, EPOCH_1, 10)).toBe(1);
      expect(await record()).toEqual({ ...first.record, state: 'queued', error: ERROR });
      expect(await stores.executions.requeueRetries(shard, EPOCH_1, 10)).toBe(0);
      expect((await claim('w2'))?.record).toMatchObject({ attempt: 2, worker: 'w2', state: 'running' });
    });

    it('leaves a retry whose delay has not passed', async () => {
      const { stores, shard, settle, record } = await withRunning(makeStores);
      await settle({ type: 'retry', error: ERROR, retryInMs: 60_000 });
      expect(await stores.executions.requeueRetries(shard, EPOCH_1, 10)).toBe(0);
      expect(await record()).toMatchObject({ state: 'retrying' });
    });

    it('stops at the limit', async () => {
      const { stores, advance, shard, settle } = await withRunning(makeStores);
      await settle({ type: 'retry', error: ERROR, retryInMs: 1 });
      await advance(5);
      expect(await stores.executions.requeueRetries(shard, EPOCH_1, 0)).toBe(0);
      expect(await stores.executions.requeueRetries(shard, EPOCH_1, 1)).toBe(1);
    });

    it('tells the leader of an earlier retry, and workers of a queued one', async () => {
      const { stores, advance, shard, settle } = await withRunning(makeStores);
      let changed = 0;
      let ready = 0;
      await stores.executions.onShardChanged(shard, () => void changed++);
      await stores.executions.onReady([LANE], () => void ready++);
      await settle({ type: 'retry', error: ERROR, retryInMs: 10 });
      await eventually('a hint for the leader', () => changed > 0);
      await advance(11);
      await stores.executions.requeueRetries(shard, EPOCH_1, 10);
      await eventually('a hint for workers', () => ready > 0);
    });
  });
}

function describeRescue(makeStores: StoresFactory): void {
  const none = { requeued: 0, failed: 0, cancelled: 0 };

  describe('rescueExpired', () => {
    it('leaves an attempt whose lease has not ended', async () => {
      const { stores, shard, first, record } = await withRunning(makeStores);
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 10)).toEqual(none);
      expect(await record()).toEqual(first.record);
    });

    it('queues an execution again whose lease has ended, and refuses the late worker', async () => {
      const { stores, advance, shard, id, first, claim, settle, record } = await withRunning(makeStores, {
        leaseMs: 30,
      });
      let ready = 0;
      await stores.executions.onReady([LANE], () => void ready++);
      await advance(31);
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 10)).toEqual({ ...none, requeued: 1 });
      expect(await record()).toEqual({
        ...first.record,
        state: 'queued',
        error: { code: 'CJ_LEASE_LOST', message: expect.any(String) },
      });
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 10)).toEqual(none);
      await eventually('a hint for workers', () => ready > 0);
      expect(await stores.executions.extend(shard, [{ id, token: first.token }], HOUR)).toEqual(['lost']);
      expect(await settle({ type: 'succeeded', retentionMs: HOUR })).toBe('lost');
      expect((await claim('w2'))?.record).toMatchObject({ id, attempt: 2, worker: 'w2' });
      expect(await settle({ type: 'succeeded', retentionMs: HOUR })).toBe('lost');
      expect(await record()).toMatchObject({ state: 'running', attempt: 2 });
    });

    it('fails an execution whose attempts are used up', async () => {
      const { stores, advance, shard, record } = await withRunning(makeStores, {
        leaseMs: 20,
        maxAttempts: 1,
        definition: aJobDefinition({ retention: { failedMs: 5 * HOUR } }),
      });
      await advance(21);
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 10)).toEqual({ ...none, failed: 1 });
      const failed = await record();
      expect(failed).toMatchObject({
        state: 'failed',
        reason: 'attempts-used-up',
        attempt: 1,
        error: { code: 'CJ_LEASE_LOST' },
      });
      expect((await stores.executions.wakeTimes(shard)).expiryAt).toBe((failed?.finishedAt ?? 0) + 5 * HOUR);
    });

    it('cancels what was to be cancelled', async () => {
      const { stores, advance, shard, id, record } = await withRunning(makeStores, { leaseMs: 20 });
      await stores.executions.cancelExecution(id, HOUR);
      await advance(21);
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 10)).toEqual({ ...none, cancelled: 1 });
      expect(await record()).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
    });

    it('leaves an attempt whose lease was extended', async () => {
      const { stores, advance, shard, id, first } = await withRunning(makeStores, { leaseMs: 40 });
      await stores.executions.extend(shard, [{ id, token: first.token }], HOUR);
      await advance(41);
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 10)).toEqual(none);
    });

    it('stops at the limit', async () => {
      const { stores, advance, shard } = await withRunning(makeStores, { leaseMs: 20 });
      await advance(21);
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 0)).toEqual(none);
      expect(await stores.executions.rescueExpired(shard, EPOCH_1, 1)).toEqual({ ...none, requeued: 1 });
    });
  });
}

function describeRetention(makeStores: StoresFactory): void {
  describe('deleteExpired', () => {
    it('deletes an ended execution once its retention has passed', async () => {
      const { stores, advance, shard, settle, record } = await withRunning(makeStores);
      await settle({ type: 'succeeded', retentionMs: 40 });
      await advance(41);
      expect(await stores.executions.deleteExpired(shard, EPOCH_1, 10)).toBe(1);
      expect(await record()).toBeNull();
      expect(await stores.executions.deleteExpired(shard, EPOCH_1, 10)).toBe(0);
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 0 });
      expect(await stores.executions.listExecutions({ namespace: 'shop', limit: 10 })).toEqual({ items: [] });
    });

    it('leaves what is kept longer, and what has not ended', async () => {
      const { stores, advance, shard, settle, record } = await withRunning(makeStores);
      await advance(20);
      expect(await stores.executions.deleteExpired(shard, EPOCH_1, 10)).toBe(0);
      await settle({ type: 'succeeded', retentionMs: HOUR });
      expect(await stores.executions.deleteExpired(shard, EPOCH_1, 10)).toBe(0);
      expect(await record()).toMatchObject({ state: 'succeeded' });
    });

    it('stops at the limit', async () => {
      const { stores, advance, shard, settle } = await withRunning(makeStores);
      await settle({ type: 'succeeded', retentionMs: 1 });
      await advance(5);
      expect(await stores.executions.deleteExpired(shard, EPOCH_1, 0)).toBe(0);
      expect(await stores.executions.deleteExpired(shard, EPOCH_1, 1)).toBe(1);
    });

    it('lets a trigger fire whose last execution is gone', async () => {
      const { stores, advance, shard, first, settle } = await withRunning(makeStores);
      await settle({ type: 'cancelled', reason: 'cancelled', retentionMs: 1 });
      await advance(5);
      await stores.executions.deleteExpired(shard, EPOCH_1, 10);
      const { job, nominalAt } = first.record;
      const trigger = await stores.jobs.getTrigger(`${job}/default`);
      if (trigger === null) throw new Error('the trigger is gone too');
      const fire = aFire(stores, { job, nominalAt: nominalAt + 1 });
      const results = await stores.executions.fire(shard, EPOCH_1, [aDecision(trigger, { fires: [fire] })]);
      expect(results).toEqual([{ outcome: 'fired', skippedCount: 0 }]);
    });
  });
}
