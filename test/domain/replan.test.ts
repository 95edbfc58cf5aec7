import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decidedThrough, replannedDueAt, undecidedTimes } from '../../src/domain/replan.js';
import type { Schedule } from '../../src/domain/time/schedule.js';
import { compileTrigger, nextFire, type Trigger, type TriggerDefinition } from '../../src/domain/trigger.js';
import { aTriggerDefinition } from '../support/builders.js';

const KEY = 'shop/report/t';

/** Watermark 0, every 1000 ms, due at 1000. */
function aTrigger({
  dueAt = 1000,
  watermark = 0,
  fireCount = 0,
  ...fields
}: Partial<TriggerDefinition> & { dueAt?: number | null; watermark?: number; fireCount?: number } = {}): Trigger {
  const definition = aTriggerDefinition({ schedule: { type: 'every', everyMs: 1000 }, ...fields });
  return {
    ...{ key: KEY, definition, state: { version: 1, watermark, fireCount } },
    ...(dueAt === null ? {} : { dueAt }),
  };
}

/** The trigger's schedule with the given times only. */
function only(times: readonly number[]): { next(after: number): number | null } {
  return { next: (after) => times.find((at) => at > after) ?? null };
}

describe('the due instant of a trigger after a change', () => {
  it('stays where the same time comes next', () => {
    expect(replannedDueAt(aTrigger(), only([1000, 2000]), 500)).toBeUndefined();
    expect(replannedDueAt(aTrigger({ dueAt: null }), only([]), 500)).toBeUndefined();
  });

  it('moves to an earlier time that is still ahead', () => {
    expect(replannedDueAt(aTrigger({ dueAt: 5000 }), only([1000, 2000, 5000]), 1000)).toBe(2000);
    expect(replannedDueAt(aTrigger({ dueAt: 5000 }), only([1000, 2000, 5000]), 999)).toBe(1000);
  });

  it('moves to a later time when the next is excluded, or to none', () => {
    expect(replannedDueAt(aTrigger(), only([2000]), 500)).toBe(2000);
    expect(replannedDueAt(aTrigger(), only([]), 500)).toBeNull();
  });

  it('leaves times that have passed as they were', () => {
    expect(replannedDueAt(aTrigger({ dueAt: 5000 }), only([1000, 2000, 5000]), 3000)).toBeUndefined();
    expect(replannedDueAt(aTrigger({ dueAt: null }), only([1000, 4000]), 3000)).toBe(4000);
  });

  it('does not lose a time that is due and not decided yet', () => {
    expect(replannedDueAt(aTrigger({ dueAt: 1000 }), only([1000, 9000]), 3000)).toBeUndefined();
    expect(replannedDueAt(aTrigger({ dueAt: 1000 }), only([2000, 9000]), 3000)).toBe(2000);
  });

  it('does not lose a nominal time whose jitter has not passed yet', () => {
    const jittered = aTrigger({ schedule: { type: 'every', everyMs: 60_000 }, jitterMs: 30_000, watermark: 0 });
    const first = nextFire(KEY, jittered.definition, only([60_000, 120_000]), 0);
    if (first === null || first.dueAt === first.nominalAt) throw new Error('without jitter this shows nothing');
    const stored = { ...jittered, dueAt: first.dueAt };
    expect(replannedDueAt(stored, only([60_000, 120_000]), first.nominalAt)).toBeUndefined();
    expect(decidedThrough(stored)).toBeLessThan(60_000);
  });

  it('is left alone where the trigger is paused, has fired often enough, or waits for a completion', () => {
    expect(replannedDueAt(aTrigger({ dueAt: null, paused: true }), only([1000]), 0)).toBeUndefined();
    expect(replannedDueAt(aTrigger({ dueAt: null, maxFires: 3, fireCount: 3 }), only([1000]), 0)).toBeUndefined();
    const after: Schedule = { type: 'after', delayMs: 1000 };
    expect(replannedDueAt(aTrigger({ dueAt: null, schedule: after }), only([1000]), 0)).toBeUndefined();
  });

  it('never passes the end of the trigger', () => {
    expect(replannedDueAt(aTrigger({ endAt: 2000 }), only([2000]), 500)).toBeNull();
  });
});

describe('what is not decided yet', () => {
  it('begins at the stored due instant, whatever the changed calendars say about times before it', () => {
    const trigger = aTrigger({ dueAt: 5000 });
    expect(undecidedTimes(trigger, only([1000, 2000, 5000])).next(0)).toBe(5000);
    expect(undecidedTimes(trigger, only([1000, 2000, 5000])).next(5000)).toBeNull();
  });

  it('is everything after the watermark where no calendar has changed', () => {
    const schedules = fc.constantFrom<Schedule>(
      { type: 'every', everyMs: 7000 },
      { type: 'cron', expression: '*/7 * * * *' },
      { type: 'cron', expression: '0 3 * * MON' },
    );
    fc.assert(
      fc.property(
        schedules,
        fc.integer({ min: 0, max: 4e12 }),
        fc.option(fc.integer({ min: 1, max: 3_600_000 }), { nil: undefined }),
        (schedule, watermark, jitterMs) => {
          const fields = { schedule, watermark, ...(jitterMs === undefined ? {} : { jitterMs }) };
          const trigger = aTrigger({ ...fields, dueAt: null });
          const compiled = compileTrigger(KEY, trigger.definition);
          const next = nextFire(KEY, trigger.definition, compiled, watermark);
          if (next === null) return;
          const stored = { ...trigger, dueAt: next.dueAt };
          expect(decidedThrough(stored)).toBeLessThan(next.nominalAt);
          const undecided = undecidedTimes(stored, compiled);
          expect(nextFire(KEY, trigger.definition, undecided, watermark)).toEqual(next);
        },
      ),
    );
  });
});
