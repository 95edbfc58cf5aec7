import { describe, expect, it } from 'vitest';
import type { Execution } from '../../src/domain/execution.js';
import type { TriggerDefinition } from '../../src/domain/trigger.js';
import type { FireDecision, Settlement } from '../../src/store/execution-store.js';
import type { Stores } from '../../src/store/stores.js';
import { aDecision, aFire, aJobDefinition, aToken, EPOCH_1, storedTrigger } from '../support/builders.js';
import { open, type StoresFactory } from './factory.js';

const HOUR = 3_600_000;
const LANES = ['default/handler/work'] as const;
const ERROR = { code: 'CJ_HANDLER_THREW', message: 'it broke' };
const AFTER = { schedule: { type: 'after', delayMs: HOUR } } as const;

const ENDS: readonly Settlement[] = [
  { type: 'succeeded', retentionMs: HOUR },
  { type: 'failed', error: ERROR, reason: 'discarded', retentionMs: HOUR },
  { type: 'cancelled', reason: 'cancelled', retentionMs: HOUR },
];

export function describeCompletion(makeStores: StoresFactory): void {
  /** A trigger with a fixed delay whose execution is queued, and what a test does with it. */
  async function fired(fields: Partial<TriggerDefinition> = {}, decided: Partial<FireDecision> = {}) {
    const opened = await open(makeStores);
    const { stores } = opened;
    const definition = aJobDefinition({ retry: { maxAttempts: 1 } });
    const { shard, job, trigger, dueAt } = await storedTrigger(stores, { ...AFTER, ...fields, definition });
    const fire = aFire(stores, { job, nominalAt: dueAt, maxAttempts: 1, isAwaited: true });
    const decision = aDecision(trigger, { fires: [fire], nextDueAt: 'completion', ...decided });
    const [result] = await stores.executions.fire(shard, EPOCH_1, [decision]);
    const stored = async () => (await stores.jobs.getTrigger(trigger.key)) ?? trigger;
    const record = async () => (await stores.executions.getExecution(fire.id)) as Execution;
    return { ...opened, shard, job, trigger, fire, decision, result, stored, record };
  }

  async function claim(stores: Stores, shard: number, leaseMs = HOUR) {
    const token = aToken();
    await stores.executions.claim(shard, { lanes: LANES, limit: 1, worker: 'w1', leaseMs, token });
    return token;
  }

  describe('a trigger that waits for completion', () => {
    it('has no due instant while its execution has not ended', async () => {
      const { stores, shard, result, stored, record } = await fired();
      expect(result).toEqual({ outcome: 'fired', skippedCount: 0 });
      expect((await stored()).dueAt).toBeUndefined();
      expect(await stores.executions.wakeTimes(shard)).toMatchObject({ dueAt: null, expiryAt: null });
      expect(await record()).toMatchObject({ state: 'queued', isAwaited: true });
      await claim(stores, shard);
      expect((await stored()).dueAt).toBeUndefined();
    });

    it.each(ENDS)('is due its delay after an execution that $type, once however often that is said', async (end) => {
      const { stores, shard, fire, stored, record, trigger, advance } = await fired();
      const token = await claim(stores, shard);
      await advance(2);
      const settle = () => stores.executions.settle(shard, [{ id: fire.id, token, settlement: end }]);
      expect(await settle()).toEqual(['settled']);
      const { finishedAt = 0 } = await record();
      const planned = await stored();
      expect(planned.dueAt).toBe(finishedAt + HOUR);
      expect(planned.state).toEqual({
        ...trigger.state,
        ...{ watermark: finishedAt, fireCount: 1, lastExecutionId: fire.id },
      });
      await advance(2);
      expect(await settle()).toEqual(['repeated']);
      expect(await stored()).toEqual(planned);
    });

    it('keeps waiting through a retry and through a return to the queue', async () => {
      const { stores, shard, fire, stored } = await fired();
      for (const settlement of [{ type: 'retry', error: ERROR, retryInMs: 0 }, { type: 'released' }] as const) {
        const token = await claim(stores, shard);
        expect(await stores.executions.settle(shard, [{ id: fire.id, token, settlement }])).toEqual(['settled']);
        expect((await stored()).dueAt).toBeUndefined();
        await stores.executions.requeueRetries(shard, EPOCH_1, 10);
      }
    });

    it('is due its delay after a cancellation while it is queued', async () => {
      const { stores, fire, stored, record } = await fired();
      await stores.executions.cancelExecution(fire.id, HOUR);
      const { finishedAt = 0 } = await record();
      const planned = await stored();
      expect(planned.dueAt).toBe(finishedAt + HOUR);
      await stores.executions.cancelExecution(fire.id, HOUR);
      expect(await stored()).toEqual(planned);
    });

    it('is due its delay after the last attempt has died with its worker', async () => {
      const { stores, shard, stored, record, advance } = await fired();
      await claim(stores, shard, 1);
      await advance(5);
      await stores.executions.rescueExpired(shard, EPOCH_1, 10);
      const { finishedAt = 0, state } = await record();
      expect(state).toBe('failed');
      expect((await stored()).dueAt).toBe(finishedAt + HOUR);
    });

    it.each<[string, Partial<TriggerDefinition>]>([
      ['a start', { startAt: 1 }],
      ['an end', { endAt: 4e12 }],
      ['jitter', { jitterMs: 5 }],
      ['calendars', { calendars: ['holidays'] }],
    ])('is due at once, for the leader to look, if it has %s', async (_what, fields) => {
      const { stores, fire, stored, record } = await fired(fields);
      await stores.executions.cancelExecution(fire.id, HOUR);
      const { finishedAt = 0 } = await record();
      expect(await stored()).toMatchObject({ dueAt: finishedAt, state: { watermark: finishedAt } });
    });

    it('is not fooled by what its data looks like', async () => {
      const data = { text: 'a|p|d|j5', '|p': '|k' };
      const { stores, fire, stored, record } = await fired({ data });
      await stores.executions.cancelExecution(fire.id, HOUR);
      const { finishedAt = 0 } = await record();
      expect((await stored()).dueAt).toBe(finishedAt + HOUR);
    });

    it('never goes back behind what is decided', async () => {
      const ahead = Date.parse('2100-01-01T00:00:00Z');
      const { stores, fire, stored } = await fired({}, { watermark: ahead });
      await stores.executions.cancelExecution(fire.id, HOUR);
      expect(await stored()).toMatchObject({ dueAt: ahead + HOUR, state: { watermark: ahead } });
    });

    it('stays finished after its last fire', async () => {
      const { stores, shard, fire, stored } = await fired({}, { nextDueAt: null });
      await stores.executions.cancelExecution(fire.id, HOUR);
      expect((await stored()).dueAt).toBeUndefined();
      expect((await stores.executions.wakeTimes(shard)).expiryAt).not.toBeNull();
    });

    it.each([undefined, { a: 1 }])('stays paused, with data %j', async (data) => {
      const { stores, job, fire, stored } = await fired(data === undefined ? {} : { data });
      const before = await stored();
      const definition = { ...before.definition, paused: true as const };
      await stores.jobs.putTriggers(job, [{ name: 'default', definition, watermark: 0, next: null }]);
      await stores.executions.cancelExecution(fire.id, HOUR);
      expect((await stored()).dueAt).toBeUndefined();
    });

    it('stays deleted', async () => {
      const { stores, shard, fire, trigger } = await fired();
      await stores.jobs.deleteTrigger(trigger.key);
      await stores.executions.cancelExecution(fire.id, HOUR);
      expect(await stores.jobs.getTrigger(trigger.key)).toBeNull();
      expect((await stores.executions.wakeTimes(shard)).dueAt).toBeNull();
    });

    it('follows another schedule once it has one', async () => {
      const { stores, job, fire, stored, trigger } = await fired();
      const next = { nominalAt: 4e12, dueAt: 4e12 };
      const definition = { ...trigger.definition, schedule: { type: 'every', everyMs: HOUR } } as const;
      await stores.jobs.putTriggers(job, [{ name: 'default', definition, watermark: 0, next }]);
      await stores.executions.cancelExecution(fire.id, HOUR);
      expect((await stored()).dueAt).toBe(4e12);
    });

    it('goes on waiting when it becomes due while an execution has not ended, also one that nobody waited for', async () => {
      const { stores, shard, job, fire, decision, stored, record } = await fired(
        { schedule: { type: 'every', everyMs: HOUR } },
        { nextDueAt: 0 },
      );
      const definition = { ...(await stored()).definition, ...AFTER };
      await stores.jobs.putTriggers(job, [
        { name: 'default', definition, watermark: 0, next: { nominalAt: 1, dueAt: 1 } },
      ]);
      const { state } = await stored();
      const again = aDecision(await stored(), {
        fires: [aFire(stores, { job, nominalAt: state.watermark + 1, isAwaited: true })],
        ...{ nextDueAt: 'completion', overlap: 'allow', dueAt: 0 },
      });
      for (const _time of ['first', 'repeated']) {
        const [result] = await stores.executions.fire(shard, EPOCH_1, [again]);
        expect(result).toEqual({ outcome: 'waiting', skippedCount: 0 });
        expect(await stored()).toMatchObject({ state });
        expect((await stored()).dueAt).toBeUndefined();
      }
      expect(decision.fires).toHaveLength(1);
      expect((await stores.executions.countShard(shard)).executions).toBe(1);
      await stores.executions.cancelExecution(fire.id, HOUR);
      const { finishedAt = 0 } = await record();
      expect((await stored()).dueAt).toBe(finishedAt + HOUR);
    });

    it('is due again at once where an earlier life of it has fired the same time', async () => {
      const { stores, shard, job, fire, trigger, decision } = await fired();
      await stores.executions.cancelExecution(fire.id, HOUR);
      await stores.jobs.deleteTrigger(trigger.key);
      const { definition, state } = trigger;
      const next = { nominalAt: fire.nominalAt, dueAt: fire.dueAt };
      await stores.jobs.putTriggers(job, [{ name: 'default', definition, watermark: state.watermark, next }]);
      const before = await stores.executions.serverTime();
      const [result] = await stores.executions.fire(shard, EPOCH_1, [decision]);
      expect(result).toEqual({ outcome: 'fired', skippedCount: 0 });
      expect((await stores.jobs.getTrigger(trigger.key))?.dueAt).toBeGreaterThanOrEqual(before);
    });

    it('goes on waiting for its last execution when an earlier one, retried by hand, ends', async () => {
      const { stores, shard, job, fire, stored } = await fired();
      const token = await claim(stores, shard);
      const failed = { type: 'failed', error: ERROR, reason: 'discarded', retentionMs: HOUR } as const;
      await stores.executions.settle(shard, [{ id: fire.id, token, settlement: failed }]);
      const { state } = await stored();
      const second = aFire(stores, { job, nominalAt: state.watermark + 1, isAwaited: true });
      const decision = aDecision(await stored(), { fires: [second], nextDueAt: 'completion', dueAt: 0 });
      expect(await stores.executions.fire(shard, EPOCH_1, [decision])).toMatchObject([{ outcome: 'fired' }]);
      await stores.executions.retryExecution(fire.id);
      await stores.executions.cancelExecution(fire.id, HOUR);
      expect((await stored()).dueAt).toBeUndefined();
      await stores.executions.cancelExecution(second.id, HOUR);
      expect((await stored()).dueAt).toBeGreaterThan(HOUR);
    });

    it('tells the leader when it is due soon', async () => {
      const { stores, shard, fire } = await fired({ schedule: { type: 'after', delayMs: 100 } });
      const heard = new Promise<void>((resolve) => void stores.executions.onShardChanged(shard, resolve));
      await stores.executions.onShardChanged(shard, () => undefined);
      await stores.executions.cancelExecution(fire.id, HOUR);
      await heard;
    });
  });
}
