import { describe, expect, it } from 'vitest';
import { missedExecutionId } from '../../src/domain/execution.js';
import { triggerKeyOf } from '../../src/domain/trigger.js';
import { FINISHED_TRIGGER_MS } from '../../src/store/execution-store.js';
import {
  aDecision,
  aFire,
  aToken,
  aTriggerWrite,
  EPOCH_1,
  queuedExecution,
  storedTrigger,
} from '../support/builders.js';
import { eventually } from '../support/wait.js';
import { open, type StoresFactory, type StoresUnderTest } from './factory.js';

const LANE = 'default/handler/work';

export function describeFiring(makeStores: StoresFactory): void {
  describeReadDue(makeStores);
  describeFire(makeStores);
  describeOverlap(makeStores);
}

function describeReadDue(makeStores: StoresFactory): void {
  /** Three triggers of one job, due 300, 200 and 100 ms ago. */
  async function withThree() {
    const opened = await open(makeStores);
    const { job, shard, dueAt } = await storedTrigger(opened.stores, { name: 'a' });
    const base = dueAt + 500;
    const write = (name: string, ago: number) =>
      aTriggerWrite(name, { watermark: base - 1000, dueAt: base - ago, jitterMs: ago });
    await opened.stores.jobs.putTriggers(job, [write('a', 100), write('b', 300), write('c', 200)]);
    return { ...opened, job, shard, base };
  }

  describe('readDue', () => {
    it('returns what is due up to the instant, inclusive, earliest first, with the jobs', async () => {
      const { stores, job, shard, base } = await withThree();
      const batch = await stores.executions.readDue(shard, base - 200, 10);
      expect(batch.triggers).toEqual([
        await stores.jobs.getTrigger(triggerKeyOf(job, 'b')),
        await stores.jobs.getTrigger(triggerKeyOf(job, 'c')),
      ]);
      expect([...batch.jobs]).toEqual([[job, await stores.jobs.getJob(job)]]);
      expect(batch.followingDueAt).toBe(base - 100);
    });

    it('stops at the limit and says when the next one is due', async () => {
      const { stores, shard, base } = await withThree();
      const batch = await stores.executions.readDue(shard, base, 1);
      expect(batch.triggers.map((trigger) => trigger.dueAt)).toEqual([base - 300]);
      expect(batch.followingDueAt).toBe(base - 200);
    });

    it('passes over what is due before an instant, if one is given', async () => {
      const { stores, shard, base } = await withThree();
      const due = async (from: number, limit: number) => {
        const batch = await stores.executions.readDue(shard, base, limit, from);
        return [batch.triggers.map(({ dueAt = 0 }) => base - dueAt), batch.followingDueAt];
      };
      expect(await due(base - 200, 10)).toEqual([[200, 100], null]);
      expect(await due(base - 199, 10)).toEqual([[100], null]);
      expect(await due(base - 300, 1)).toEqual([[300], base - 200]);
      expect(await due(base + 1, 10)).toEqual([[], null]);
    });

    it('says that nothing follows', async () => {
      const { stores, shard, base } = await withThree();
      expect((await stores.executions.readDue(shard, base, 3)).followingDueAt).toBeNull();
      expect(await stores.executions.readDue((shard + 1) % 16, base, 3)).toEqual({
        triggers: [],
        jobs: new Map(),
        followingDueAt: null,
      });
    });

    it('is answered by wakeTimes too', async () => {
      const { stores, shard, base } = await withThree();
      const none = { dueAt: null, retryAt: null, leaseAt: null, expiryAt: null };
      expect(await stores.executions.wakeTimes(shard)).toEqual({ ...none, dueAt: base - 300 });
      expect(await stores.executions.wakeTimes((shard + 1) % 16)).toEqual(none);
    });
  });
}

function describeFire(makeStores: StoresFactory): void {
  async function withDue() {
    const opened = await open(makeStores);
    const due = await storedTrigger(opened.stores);
    const fire = aFire(opened.stores, { job: due.job, nominalAt: due.dueAt, data: { a: 1 } });
    return { ...opened, ...due, fire, decision: aDecision(due.trigger, { fires: [fire] }) };
  }

  describe('fire', () => {
    it('queues the execution, moves the watermark and sets the next due instant', async () => {
      const { stores, shard, trigger, fire, decision, dueAt } = await withDue();
      const before = await stores.executions.serverTime();
      expect(await stores.executions.fire(shard, EPOCH_1, [decision])).toEqual([{ outcome: 'fired', skippedCount: 0 }]);
      const execution = await stores.executions.getExecution(fire.id);
      expect(execution).toEqual({
        ...fire,
        state: 'queued',
        firedAt: execution?.firedAt,
        attempt: 0,
        epoch: 1,
      });
      expect(execution?.firedAt).toBeGreaterThanOrEqual(before);
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual({
        ...trigger,
        state: { version: 1, watermark: dueAt, fireCount: 1, lastExecutionId: fire.id },
        dueAt: dueAt + 60_000,
      });
    });

    it('fires a nominal time once, however often the decision is sent', async () => {
      const { stores, shard, trigger, decision } = await withDue();
      await stores.executions.fire(shard, EPOCH_1, [decision]);
      const after = await stores.jobs.getTrigger(trigger.key);
      const stale = { outcome: 'stale', skippedCount: 0 };
      expect(await stores.executions.fire(shard, EPOCH_1, [decision, decision])).toEqual([stale, stale]);
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(after);
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 1, queued: 1 });
    });

    it('applies each decision of a batch on its own, results in order', async () => {
      const { stores, job, shard, decision, dueAt } = await withDue();
      await stores.jobs.putTriggers(job, [aTriggerWrite('second', { watermark: dueAt - 500, dueAt })]);
      const second = await stores.jobs.getTrigger(triggerKeyOf(job, 'second'));
      if (second === null) throw new Error('not stored');
      const fire = aFire(stores, { job, trigger: 'second', nominalAt: dueAt });
      const results = await stores.executions.fire(shard, EPOCH_1, [
        { ...decision, expected: { ...decision.expected, version: 9 } },
        aDecision(second, { fires: [fire] }),
      ]);
      expect(results.map((result) => result.outcome)).toEqual(['stale', 'fired']);
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 1 });
    });

    it.each(['version', 'watermark', 'jobVersion'] as const)('writes nothing when the %s differs', async (field) => {
      const { stores, shard, trigger, decision, fire } = await withDue();
      const expected = { ...decision.expected, [field]: decision.expected[field] + 1 };
      const missed = [aMissedRange(shard, trigger.key, fire.nominalAt - 200)];
      const [result] = await stores.executions.fire(shard, EPOCH_1, [{ ...decision, expected, missed }]);
      expect(result).toEqual({ outcome: 'stale', skippedCount: 0 });
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(trigger);
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 0, triggers: 1 });
    });

    it('is stale for a trigger that was changed, paused with its job, deleted, or whose job is gone', async () => {
      const { stores, job, shard, decision, dueAt } = await withDue();
      const outcome = async () => (await stores.executions.fire(shard, EPOCH_1, [decision]))[0]?.outcome;
      await stores.jobs.pauseJob(job, 'maintenance');
      expect(await outcome()).toBe('stale');
      await stores.jobs.resumeJob(job);
      await stores.jobs.putTriggers(job, [aTriggerWrite('default', { watermark: 0, dueAt, jitterMs: 1 })]);
      expect(await outcome()).toBe('stale');
      await stores.jobs.deleteTrigger(decision.trigger);
      expect(await outcome()).toBe('stale');
      await stores.jobs.deleteJob(job);
      expect(await outcome()).toBe('stale');
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 0, triggers: 0 });
    });

    it('never fires before the due instant of the store’s clock', async () => {
      const { stores, shard, trigger, decision } = await withDue();
      const later = { ...decision, dueAt: (await stores.executions.serverTime()) + 60_000 };
      expect(await stores.executions.fire(shard, EPOCH_1, [later])).toEqual([{ outcome: 'early', skippedCount: 0 }]);
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(trigger);
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 0 });
    });

    it('fires what was early once its instant has come', async () => {
      const { stores, advance, shard, decision } = await withDue();
      const later = { ...decision, dueAt: (await stores.executions.serverTime()) + 40 };
      await advance(41);
      expect((await stores.executions.fire(shard, EPOCH_1, [later]))[0]?.outcome).toBe('fired');
    });

    it('records a range of missed times as one execution that never runs', async () => {
      const { stores, shard, job, trigger, decision, fire } = await withDue();
      const range = aMissedRange(shard, trigger.key, fire.nominalAt - 300);
      const [result] = await stores.executions.fire(shard, EPOCH_1, [{ ...decision, missed: [range] }]);
      expect(result).toEqual({ outcome: 'fired', skippedCount: 0 });
      const record = await stores.executions.getExecution(range.id);
      expect(record).toEqual({
        id: range.id,
        job,
        trigger: 'default',
        nominalAt: range.nominalAt,
        dueAt: range.nominalAt,
        lane: LANE,
        priority: 0,
        maxAttempts: 3,
        state: 'missed',
        reason: 'misfire-collapsed',
        firedAt: record?.firedAt,
        finishedAt: record?.firedAt,
        attempt: 0,
        epoch: 1,
        missed: { count: 3, throughAt: range.throughAt },
      });
      expect((await stores.jobs.getTrigger(trigger.key))?.state).toMatchObject({
        fireCount: 1,
        lastExecutionId: fire.id,
      });
      expect(await claimAll(stores, shard)).toEqual([fire.id]);
    });

    it('moves the watermark without firing anything', async () => {
      const { stores, shard, trigger, dueAt } = await withDue();
      const decision = aDecision(trigger, { fires: [], watermark: dueAt, nextDueAt: dueAt + 7000 });
      expect((await stores.executions.fire(shard, EPOCH_1, [decision]))[0]?.outcome).toBe('fired');
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual({
        ...trigger,
        state: { ...trigger.state, watermark: dueAt },
        dueAt: dueAt + 7000,
      });
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 0 });
    });

    it('keeps a trigger that has no further fire for a while', async () => {
      const { stores, shard, trigger, decision } = await withDue();
      const before = await stores.executions.serverTime();
      await stores.executions.fire(shard, EPOCH_1, [{ ...decision, nextDueAt: null, retentionMs: 1e12 }]);
      expect((await stores.jobs.getTrigger(trigger.key))?.dueAt).toBeUndefined();
      const { dueAt, expiryAt } = await stores.executions.wakeTimes(shard);
      expect(dueAt).toBeNull();
      expect(expiryAt).toBeGreaterThanOrEqual(before + FINISHED_TRIGGER_MS);
      expect(expiryAt).toBeLessThan(before + FINISHED_TRIGGER_MS + 60_000);
    });

    it('takes a finished trigger up again when its definition changes', async () => {
      const { stores, shard, job, trigger, decision } = await withDue();
      await stores.executions.fire(shard, EPOCH_1, [{ ...decision, nextDueAt: null }]);
      const write = aTriggerWrite('default', { watermark: 0, dueAt: 4e12, jitterMs: 1 });
      await stores.jobs.putTriggers(job, [write]);
      expect(await stores.executions.wakeTimes(shard)).toMatchObject({ dueAt: 4e12, expiryAt: null });
      expect(await stores.jobs.getTrigger(trigger.key)).toMatchObject({ dueAt: 4e12, state: { fireCount: 1 } });
    });

    it('passes over a nominal time that has an execution from an earlier life of the trigger', async () => {
      const { stores, shard, job, decision, fire, dueAt } = await withDue();
      await stores.executions.fire(shard, EPOCH_1, [decision]);
      const [claimed] = await claim(stores, shard);
      const settlement = { type: 'succeeded' as const, retentionMs: 3_600_000 };
      if (claimed !== undefined)
        await stores.executions.settle(shard, [{ id: fire.id, token: claimed.token, settlement }]);
      await stores.jobs.deleteJob(job);
      const again = await storedTrigger(stores, { job });
      const replay = aDecision(again.trigger, { fires: [fire], watermark: dueAt + 600_000 });
      const [result] = await stores.executions.fire(shard, EPOCH_1, [replay]);
      expect(result).toEqual({ outcome: 'fired', skippedCount: 0 });
      expect(await stores.executions.getExecution(fire.id)).toMatchObject({ state: 'succeeded' });
      expect(await stores.executions.countShard(shard)).toMatchObject({ executions: 1, queued: 0 });
      expect(await claimAll(stores, shard)).toEqual([]);
    });

    it('tells workers of the lane, and only them', async () => {
      const { stores, shard, decision } = await withDue();
      const heard: [number, string][] = [];
      const others: string[] = [];
      const unsubscribe = await stores.executions.onReady([LANE, 'x/http'], (from, lane) => heard.push([from, lane]));
      await stores.executions.onReady(['default/handler/other'], (_shard, lane) => others.push(lane));
      await stores.executions.fire(shard, EPOCH_1, [decision]);
      await eventually('a hint that something is ready', () => heard.length > 0);
      expect(heard[0]).toEqual([shard, LANE]);
      await unsubscribe();
      const before = heard.length;
      await queuedExecution(stores);
      expect(heard.length).toBe(before);
      expect(others).toEqual([]);
    });
  });

  describe('dropOrphans', () => {
    it('leaves triggers whose job exists', async () => {
      const { stores, shard, trigger } = await withDue();
      await stores.executions.dropOrphans(shard, EPOCH_1, [trigger.key, 'shop/gone/default']);
      expect(await stores.jobs.getTrigger(trigger.key)).toEqual(trigger);
    });
  });
}

function describeOverlap(makeStores: StoresFactory): void {
  /** A trigger with one queued execution, and a decision to fire twice more. */
  async function withRunning() {
    const opened = await open(makeStores);
    const { stores } = opened;
    const { execution, shard, trigger } = await queuedExecution(stores);
    const fired = await stores.jobs.getTrigger(trigger.key);
    if (fired === null) throw new Error('not stored');
    const fires = [100, 200].map((ms) =>
      aFire(stores, { job: execution.job, nominalAt: execution.nominalAt + ms, data: { ms } }),
    );
    return { ...opened, execution, shard, fired, fires };
  }

  async function finish({ stores }: StoresUnderTest, shard: number): Promise<void> {
    const claimed = await claim(stores, shard);
    await stores.executions.settle(
      shard,
      claimed.map(({ execution, token }) => ({
        id: execution.id,
        token,
        settlement: { type: 'succeeded', retentionMs: 3_600_000 },
      })),
    );
  }

  describe('fire with overlap', () => {
    it('skip: records fires that meet an execution that has not ended', async () => {
      const { stores, execution, shard, fired, fires } = await withRunning();
      const [result] = await stores.executions.fire(shard, EPOCH_1, [aDecision(fired, { fires })]);
      expect(result).toEqual({ outcome: 'fired', skippedCount: 2 });
      const record = await stores.executions.getExecution(fires[0]?.id ?? execution.id);
      expect(record).toEqual({
        ...fires[0],
        state: 'skipped',
        reason: 'overlap',
        firedAt: record?.firedAt,
        finishedAt: record?.firedAt,
        attempt: 0,
        epoch: 1,
      });
      expect((await stores.jobs.getTrigger(fired.key))?.state).toEqual({
        version: 1,
        watermark: fires[1]?.nominalAt,
        fireCount: 3,
        lastExecutionId: execution.id,
      });
      expect(await claimAll(stores, shard)).toEqual([execution.id]);
    });

    it('skip: queues the first of several once the last one has ended, and skips the rest', async () => {
      const { stores, shard, fired, fires, ...opened } = await withRunning();
      await finish({ stores, ...opened }, shard);
      const [result] = await stores.executions.fire(shard, EPOCH_1, [aDecision(fired, { fires })]);
      expect(result).toEqual({ outcome: 'fired', skippedCount: 1 });
      expect((await stores.jobs.getTrigger(fired.key))?.state.lastExecutionId).toBe(fires[0]?.id);
      expect(await claimAll(stores, shard)).toEqual([fires[0]?.id]);
    });

    it('skip: also meets one that runs, and one that waits for its retry', async () => {
      const { stores, shard, fired, fires } = await withRunning();
      const [claimed] = await claim(stores, shard);
      if (claimed === undefined) throw new Error('nothing was claimed');
      const [first, second] = fires.map((fire) => [fire]);
      const results = await stores.executions.fire(shard, EPOCH_1, [aDecision(fired, { fires: first ?? [] })]);
      const settlement = { type: 'retry' as const, error: { code: 'E', message: 'm' }, retryInMs: 60_000 };
      await stores.executions.settle(shard, [{ id: claimed.execution.id, token: claimed.token, settlement }]);
      const now = await stores.jobs.getTrigger(fired.key);
      if (now === null) throw new Error('not stored');
      const more = await stores.executions.fire(shard, EPOCH_1, [aDecision(now, { fires: second ?? [] })]);
      expect([...results, ...more].map((result) => result.skippedCount)).toEqual([1, 1]);
    });

    it('allow: queues every fire', async () => {
      const { stores, execution, shard, fired, fires } = await withRunning();
      const decision = aDecision(fired, { fires, overlap: 'allow' });
      expect((await stores.executions.fire(shard, EPOCH_1, [decision]))[0]?.skippedCount).toBe(0);
      expect((await stores.jobs.getTrigger(fired.key))?.state.lastExecutionId).toBe(fires[1]?.id);
      expect(await claimAll(stores, shard)).toEqual([execution.id, ...fires.map((fire) => fire.id)]);
    });
  });
}

function aMissedRange(shard: number, trigger: `${string}/${string}/${string}`, nominalAt: number) {
  const id = missedExecutionId(shard, trigger, nominalAt);
  return { id, nominalAt, throughAt: nominalAt + 200, count: 3, reason: 'misfire-collapsed' as const };
}

function claim(stores: StoresUnderTest['stores'], shard: number) {
  return stores.executions.claim(shard, { lanes: [LANE], limit: 100, worker: 'w', leaseMs: 60_000, token: aToken() });
}

async function claimAll(stores: StoresUnderTest['stores'], shard: number): Promise<string[]> {
  return (await claim(stores, shard)).map(({ execution }) => execution.id);
}
