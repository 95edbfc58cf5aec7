import { describe, expect, it, onTestFinished } from 'vitest';
import { FencedError, StoreUnavailableError } from '../../src/domain/errors.js';
import { delay } from '../../src/runtime/clock.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { Reconciler } from '../../src/scheduler/reconciler.js';
import { localClusterClock } from '../../src/store/cluster-clock.js';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import type { ReconcilePage, ReconcileStore } from '../../src/store/reconcile-store.js';
import { epochOf } from '../../src/domain/shard.js';
import type { Trigger } from '../../src/domain/trigger.js';
import { queuedExecution, storedTrigger } from '../support/builders.js';
import { FakeTerm } from '../support/fake-term.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingProbe } from '../support/wait.js';

const HOUR = 3_600_000;

/** A store whose shards have three pages each, of which the test says what is in them. */
async function setup({ pageMs = 0 } = {}) {
  const clock = new ManualClock();
  const stores = new MemoryStores({ clock }, { shardCount: 1 });
  const calls: { cursor: string | null; epoch: number | null; at: number }[] = [];
  const content: { repairs: ReconcilePage['repairs']; triggers: readonly Trigger[]; fail: Error | null } = {
    repairs: [],
    triggers: [],
    fail: null,
  };
  const reconciling: ReconcileStore = {
    reconcile: async (_shard, { cursor, epoch }) => {
      calls.push({ cursor, epoch, at: clock.monotonicNow() });
      const { fail } = content;
      content.fail = null;
      if (fail !== null) throw fail;
      if (pageMs > 0) await delay(clock, pageMs);
      const isFirst = cursor === null;
      const nextCursor = isFirst ? '1' : cursor === '1' ? '2' : null;
      return {
        seenCount: 10,
        repairs: isFirst ? content.repairs : [],
        triggers: isFirst ? content.triggers : [],
        nextCursor,
      };
    },
  };
  const events: ClusterEvent[] = [];
  await stores.events.subscribe((event) => events.push(event));
  const metrics = new Metrics();
  const probe = new RecordingProbe();
  const { planning, executions } = stores;
  const reconciler = new Reconciler(
    {
      ...{
        reconciling,
        planning,
        executions,
        calendars: { compiled: () => [] },
        events: stores.events,
        clock,
        metrics,
        probe,
      },
      ...{ logger: silentLogger, clusterClock: localClusterClock(clock) },
    },
    { intervalMs: HOUR },
  );
  await reconciler.start();
  onTestFinished(() => reconciler.stop());
  return { clock, stores, reconciler, calls, content, events, metrics, probe };
}

describe('Reconciler', () => {
  it('goes through a shard at the win and again after the interval, page by page, under the epoch of the term', async () => {
    const { clock, reconciler, calls, probe } = await setup();
    reconciler.add(new FakeTerm(7), () => undefined);
    await clock.advance(1000);
    expect(calls.map(({ cursor, epoch }) => [cursor, epoch])).toEqual([
      [null, 7],
      ['1', 7],
      ['2', 7],
    ]);
    expect(probe.moments.at(-1)).toMatchObject({ moment: 'reconciled', facts: { shard: 0, seenCount: 30 } });
    await clock.advance(HOUR + 2000);
    expect(calls).toHaveLength(6);
  });

  it('rests after each page, the longer the longer it took', async () => {
    const { clock, reconciler, calls } = await setup({ pageMs: 10 });
    reconciler.add(new FakeTerm(7), () => undefined);
    await clock.advance(2000);
    const [first, second, third] = calls.map(({ at }) => at);
    expect([(second ?? 0) - (first ?? 0), (third ?? 0) - (second ?? 0)]).toEqual([200, 200]);
  });

  it('counts, names and announces what was repaired', async () => {
    const { clock, reconciler, content, metrics, events } = await setup();
    content.repairs = [
      { kind: 'lease-stale', subject: 'a' },
      { kind: 'lease-stale', subject: 'b' },
      { kind: 'due-stale', subject: 'c' },
    ];
    reconciler.add(new FakeTerm(7), () => undefined);
    await clock.advance(1000);
    expect((await metrics.repairs.get()).values.map(({ labels, value }) => [labels.kind, value])).toEqual([
      ['lease-stale', 2],
      ['due-stale', 1],
    ]);
    expect(events).toMatchObject([{ type: 'repaired', facts: { repaired: { 'lease-stale': 2, 'due-stale': 1 } } }]);
  });

  it('says when a trigger is due for which nothing says so, and has the leader look', async () => {
    const { clock, stores, reconciler, content, metrics } = await setup();
    const { trigger, dueAt } = await storedTrigger(stores);
    const { dueAt: _dueAt, ...lost } = trigger;
    await stores.planning.moveDue(0, 1 as never, [
      { trigger: trigger.key, expected: { ...trigger.state, dueAt: trigger.dueAt ?? null }, dueAt: null },
    ]);
    content.triggers = [lost];
    let moves = 0;
    reconciler.add(new FakeTerm(7), () => moves++);
    await clock.advance(1000);
    const repaired = await stores.jobs.getTrigger(trigger.key);
    expect(repaired?.dueAt).toBe(dueAt);
    expect(moves).toBe(1);
    expect((await metrics.repairs.get()).values[0]?.labels.kind).toBe('due-missing');
  });

  it('writes nothing once somebody else may lead', async () => {
    const { clock, stores, reconciler, content, metrics } = await setup();
    const { trigger } = await storedTrigger(stores);
    const { dueAt: _dueAt, ...lost } = trigger;
    const moved: unknown[] = [];
    stores.planning.moveDue = async (...args) => moved.push(args);
    const term = new FakeTerm(7);
    Object.defineProperty(content, 'triggers', {
      get: () => {
        term.trusted = false;
        return [lost];
      },
    });
    reconciler.add(term, () => undefined);
    await clock.advance(1000);
    expect(term.trusted).toBe(false);
    expect(moved).toEqual([]);
    expect((await metrics.repairs.get()).values).toEqual([]);
  });

  it('wakes a trigger that waits for an execution which has ended, and leaves one whose execution runs', async () => {
    const { clock, stores, reconciler, content, metrics } = await setup();
    const { execution, trigger: fired } = await queuedExecution(stores, {});
    const schedule = { type: 'after', delayMs: 5000 } as const;
    const { dueAt: _dueAt, ...rest } = fired;
    const waiting: Trigger = {
      ...rest,
      definition: { schedule, timeZone: 'UTC' },
      state: { ...fired.state, lastExecutionId: execution.id },
    };
    content.triggers = [waiting];
    reconciler.add(new FakeTerm(7), () => undefined);
    await clock.advance(1000);
    expect((await metrics.repairs.get()).values).toEqual([]);
    await stores.executions.cancelExecution(execution.id, HOUR);
    const moved: unknown[] = [];
    stores.planning.moveDue = async (...args) => moved.push(args);
    await clock.advance(HOUR + 2000);
    const endedAt = Number((await stores.executions.getExecution(execution.id))?.finishedAt);
    expect(moved).toMatchObject([[0, 7, [{ trigger: waiting.key, dueAt: endedAt + 5000 }]]]);
  });

  it('brings forward a due instant that would pass over a time, and leaves one that is right', async () => {
    const { clock, stores, reconciler, content, metrics } = await setup();
    const { trigger, dueAt: right } = await storedTrigger(stores);
    const expected = { ...trigger.state, dueAt: trigger.dueAt ?? null };
    await stores.planning.moveDue(0, 1 as never, [{ trigger: trigger.key, expected, dueAt: right + HOUR }]);
    content.triggers = [
      { ...trigger, dueAt: right + HOUR },
      { ...trigger, key: 'a/b/c', dueAt: right },
    ];
    reconciler.add(new FakeTerm(7), () => undefined);
    await clock.advance(1000);
    expect((await stores.jobs.getTrigger(trigger.key))?.dueAt).toBe(right);
    expect((await metrics.repairs.get()).values.map(({ labels }) => labels.kind)).toEqual(['due-too-late']);
  });

  it('does nothing while the term is not trusted, and nothing any more when it was removed', async () => {
    const { clock, reconciler, calls } = await setup();
    const term = new FakeTerm(7);
    term.trusted = false;
    reconciler.add(term, () => undefined);
    await clock.advance(5000);
    expect(calls).toEqual([]);
    term.trusted = true;
    reconciler.remove(term);
    await clock.advance(5000);
    expect(calls).toEqual([]);
  });

  it('repeats a page whose answer was lost, and gives the term up at the fence of another', async () => {
    const { clock, reconciler, calls, content, metrics } = await setup();
    const term = new FakeTerm(7);
    content.fail = new StoreUnavailableError('CJ_REDIS_TIMEOUT', 'lost');
    reconciler.add(term, () => undefined);
    await clock.advance(50);
    expect(calls.map(({ cursor }) => cursor)).toEqual([null]);
    content.fail = new FencedError({ shard: 0, epoch: term.epoch, fence: epochOf(8) });
    await clock.advance(1000);
    expect(calls.map(({ cursor }) => cursor)).toEqual([null, null]);
    expect(term.ended.reason).toBe('fenced');
    expect((await metrics.fencedWrites.get()).values[0]?.value).toBe(1);
  });
});
