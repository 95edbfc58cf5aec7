import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_FIRES_PER_DECISION, MAX_TIMES_PER_DECISION, planFires, planReplaced } from '../../src/domain/fire-plan.js';
import { parseJobDefinition, type Job } from '../../src/domain/job.js';
import { misfirePolicySchema, type MisfirePolicy } from '../../src/domain/misfire-policy.js';
import type { EpochMs } from '../../src/domain/time/instant.js';
import { nextFire, type Trigger, type TriggerDefinition } from '../../src/domain/trigger.js';

type Compiled = { next(after: EpochMs): EpochMs | null };

/** 0 is the watermark of every case; a minute is the distance of its nominal times. */
const MINUTE = 60_000;
const GRACE = 60_000;

function everyMs(period: number): Compiled & { calls: number } {
  return {
    calls: 0,
    next(after) {
      this.calls += 1;
      return (Math.floor(after / period) + 1) * period;
    },
  };
}

function onceAt(at: number): Compiled {
  return { next: (after) => (after < at ? at : null) };
}

interface Case {
  at: number;
  compiled?: Compiled;
  misfire?: Partial<MisfirePolicy>;
  trigger?: Partial<TriggerDefinition>;
  job?: Partial<Job>;
  watermark?: number;
  fireCount?: number;
  dueAt?: number;
}

function setup({
  at,
  compiled = everyMs(MINUTE),
  misfire,
  trigger = {},
  job = {},
  watermark = 0,
  fireCount = 0,
  dueAt,
}: Case) {
  const definition: TriggerDefinition = { schedule: { type: 'every', everyMs: MINUTE }, timeZone: 'UTC', ...trigger };
  const stored: Trigger = {
    key: 'shop/report/default',
    definition,
    state: { version: 3, watermark, fireCount },
    dueAt: dueAt ?? at,
  };
  const owner: Job = {
    ...parseJobDefinition({ target: { type: 'handler', handler: 'work' }, misfire: { graceMs: GRACE, ...misfire } }),
    ...{ namespace: 'shop', name: 'report', version: 7, createdAt: 0, updatedAt: 0 },
    ...job,
  };
  return { trigger: stored, job: owner, shard: 4, compiled, at };
}

function plan(given: Case) {
  const decision = planFires(setup(given));
  return {
    ...decision,
    minutes: decision.fires.map((fire) => fire.nominalAt / MINUTE),
    ranges: decision.missed.map(({ nominalAt, throughAt, count, reason }) => [
      nominalAt / MINUTE,
      throughAt / MINUTE,
      count,
      reason,
    ]),
  };
}

describe('planFires, on time', () => {
  it('fires the due time and moves the watermark onto it', () => {
    expect(planFires(setup({ at: MINUTE, trigger: { data: { to: 'ann' }, overlap: 'allow' } }))).toEqual({
      trigger: 'shop/report/default',
      expected: { version: 3, watermark: 0, jobVersion: 7 },
      watermark: MINUTE,
      dueAt: MINUTE,
      nextDueAt: 2 * MINUTE,
      fires: [
        {
          id: expect.stringMatching(/^4-000000000060000-[0-9a-f]{24}$/),
          job: 'shop/report',
          trigger: 'default',
          nominalAt: MINUTE,
          dueAt: MINUTE,
          lane: 'default/handler/work',
          priority: 0,
          maxAttempts: 3,
          data: { to: 'ann' },
        },
      ],
      missed: [],
      overlap: 'allow',
      retentionMs: 86_400_000,
    });
  });

  it('gives one fire the same id whenever and wherever it is decided', () => {
    const early = plan({ at: MINUTE });
    const late = plan({ at: MINUTE + 30_000, watermark: 1, fireCount: 9 });
    expect(late.fires[0]?.id).toBe(early.fires[0]?.id);
  });

  it('fires every time within the grace, oldest first', () => {
    const decided = plan({ at: 5 * MINUTE, misfire: { graceMs: 5 * MINUTE } });
    expect(decided.minutes).toEqual([1, 2, 3, 4, 5]);
    expect(decided).toMatchObject({ watermark: 5 * MINUTE, dueAt: 5 * MINUTE, nextDueAt: 6 * MINUTE, missed: [] });
  });

  it('keeps the due instant behind the nominal time where the trigger has jitter', () => {
    const given = setup({ at: 2 * MINUTE - 1, trigger: { jitterMs: 30_000 } });
    const expected = nextFire(given.trigger.key, given.trigger.definition, given.compiled, 0);
    const decided = planFires(given);
    expect(decided.fires[0]).toMatchObject({ nominalAt: MINUTE, dueAt: expected?.dueAt });
    expect(decided.dueAt).toBe(expected?.dueAt);
  });

  it('takes misfire and overlap of the trigger before those of the job', () => {
    const own = misfirePolicySchema.parse({ policy: 'skip' });
    expect(plan({ at: 9.5 * MINUTE, trigger: { misfire: own, overlap: 'allow' } })).toMatchObject({
      overlap: 'allow',
      minutes: [9],
      ranges: [[1, 8, 8, 'misfire-skip']],
    });
  });
});

describe('planFires, late', () => {
  const outage = { at: 10.5 * MINUTE };

  it.each([
    { policy: 'fireOnce', minutes: [10], ranges: [[1, 9, 9, 'misfire-collapsed']] },
    { policy: 'fireAll', minutes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ranges: [] },
    { policy: 'skip', minutes: [10], ranges: [[1, 9, 9, 'misfire-skip']] },
  ] as const)(
    '$policy decides the times beyond the grace, and the one within it fires',
    ({ policy, minutes, ranges }) => {
      expect(plan({ ...outage, misfire: { policy } })).toMatchObject({ minutes, ranges, watermark: 10 * MINUTE });
    },
  );

  it.each([
    { policy: 'fireOnce', minutes: [1], ranges: [] },
    { policy: 'fireAll', minutes: [1], ranges: [] },
    { policy: 'skip', minutes: [], ranges: [[1, 1, 1, 'misfire-skip']] },
  ] as const)('$policy with a single late time', ({ policy, minutes, ranges }) => {
    const given = { at: MINUTE + GRACE + 1, trigger: { endAt: 1.5 * MINUTE }, misfire: { policy } };
    expect(plan(given)).toMatchObject({ minutes, ranges, nextDueAt: null });
  });

  it('is on time at the very end of the grace and late a millisecond later', () => {
    const trigger = { endAt: 1.5 * MINUTE };
    expect(plan({ at: MINUTE + GRACE, trigger, misfire: { policy: 'skip' } }).minutes).toEqual([1]);
    expect(plan({ at: MINUTE + GRACE + 1, trigger, misfire: { policy: 'skip' } }).minutes).toEqual([]);
  });

  it('does not make up for what is older than maxAgeMs', () => {
    const misfire = { maxAgeMs: 3 * MINUTE };
    expect(plan({ ...outage, misfire: { ...misfire, policy: 'fireAll' } })).toMatchObject({
      minutes: [8, 9, 10],
      ranges: [[1, 7, 7, 'misfire-too-old']],
    });
    expect(plan({ ...outage, misfire: { ...misfire, policy: 'fireOnce' } })).toMatchObject({
      minutes: [10],
      ranges: [
        [1, 7, 7, 'misfire-too-old'],
        [8, 9, 2, 'misfire-collapsed'],
      ],
    });
  });

  it('fires the latest maxCount late times with fireAll', () => {
    expect(plan({ ...outage, misfire: { policy: 'fireAll', maxCount: 3 } })).toMatchObject({
      minutes: [7, 8, 9, 10],
      ranges: [[1, 6, 6, 'misfire-too-many']],
    });
  });

  it('fires a late one-shot, unless it is older than maxAgeMs', () => {
    const compiled = onceAt(MINUTE);
    expect(plan({ at: 60 * MINUTE, compiled })).toMatchObject({ minutes: [1], nextDueAt: null, missed: [] });
    expect(plan({ at: 60 * MINUTE, compiled, misfire: { maxAgeMs: 30 * MINUTE } })).toMatchObject({
      minutes: [],
      ranges: [[1, 1, 1, 'misfire-too-old']],
      nextDueAt: null,
      watermark: MINUTE,
    });
  });
});

describe('planFires, bounds', () => {
  it('ends before endAt', () => {
    expect(plan({ at: 2 * MINUTE, trigger: { endAt: 2 * MINUTE } })).toMatchObject({ minutes: [1], nextDueAt: null });
  });

  it('ends with the last of maxFires, also in the middle of a backlog', () => {
    const given = { at: 5 * MINUTE, trigger: { maxFires: 5 }, fireCount: 3, misfire: { graceMs: 5 * MINUTE } };
    expect(plan(given)).toMatchObject({ minutes: [1, 2], nextDueAt: null, watermark: 2 * MINUTE });
  });

  it('does not count missed times as fires', () => {
    const given = { at: 9.5 * MINUTE, trigger: { maxFires: 2 }, misfire: { policy: 'skip' as const } };
    expect(plan(given)).toMatchObject({ minutes: [9], ranges: [[1, 8, 8, 'misfire-skip']], nextDueAt: 10 * MINUTE });
  });

  it('finishes a trigger that has used up its fires', () => {
    const given = { at: 5 * MINUTE, trigger: { maxFires: 3 }, fireCount: 3 };
    expect(plan(given)).toMatchObject({ fires: [], missed: [], nextDueAt: null, watermark: 1 });
  });

  it('finishes a trigger without a further time', () => {
    expect(plan({ at: 5 * MINUTE, compiled: onceAt(-1) })).toMatchObject({ fires: [], nextDueAt: null, watermark: 1 });
  });

  it('corrects a due instant that came before the time, without passing the time over', () => {
    expect(plan({ at: MINUTE - 10 })).toMatchObject({ fires: [], watermark: 1, dueAt: MINUTE - 10, nextDueAt: MINUTE });
    const tight = plan({ at: MINUTE - 1, watermark: MINUTE - 1 });
    expect(tight).toMatchObject({ minutes: [1], dueAt: MINUTE, watermark: MINUTE });
  });
});

describe('planFires, pauses', () => {
  const pause = { since: 2 * MINUTE, reason: 'maintenance' };

  it('passes over what is due while the job is paused, without a record', () => {
    const decided = plan({ at: 30.5 * MINUTE, watermark: 2 * MINUTE, job: { pause } });
    expect(decided).toMatchObject({ fires: [], missed: [], watermark: 30.5 * MINUTE, nextDueAt: 31 * MINUTE });
  });

  it('misses what was due before the pause and had not been decided, whatever the policy says', () => {
    for (const policy of ['fireOnce', 'fireAll', 'skip'] as const) {
      const decided = plan({ at: 30.5 * MINUTE, job: { pause }, misfire: { policy } });
      expect(decided).toMatchObject({ fires: [], watermark: 2 * MINUTE, dueAt: 2 * MINUTE, nextDueAt: 3 * MINUTE });
      expect(decided.ranges).toEqual([[1, 2, 2, 'paused']]);
    }
  });

  it('misses what nobody has decided when the pause ends, and fires what follows', () => {
    const missed = plan({ at: 31 * MINUTE, job: { resumedAt: 30 * MINUTE } });
    expect(missed).toMatchObject({ fires: [], watermark: 30 * MINUTE, nextDueAt: 31 * MINUTE });
    expect(missed.ranges).toEqual([[1, 30, 30, 'paused']]);
    const decided = plan({ at: 31 * MINUTE, watermark: 30 * MINUTE, job: { resumedAt: 30 * MINUTE } });
    expect(decided).toMatchObject({ minutes: [31], missed: [], watermark: 31 * MINUTE });
  });

  it('records a long range in pieces', () => {
    const compiled = everyMs(100);
    const decided = plan({ at: 10 * MINUTE, compiled, job: { resumedAt: 9 * MINUTE } });
    expect(decided).toMatchObject({ watermark: 100_000, nextDueAt: 100_100 });
  });

  it('does not go back to the end of a pause that lies before the watermark', () => {
    const decided = plan({ at: 31 * MINUTE, watermark: 30 * MINUTE, job: { resumedAt: 3 * MINUTE } });
    expect(decided).toMatchObject({ minutes: [31], missed: [], watermark: 31 * MINUTE });
  });

  it('does not count through a pause', () => {
    const compiled = everyMs(100);
    plan({ at: 86_400_000 * 365, watermark: 2 * MINUTE, compiled, job: { pause } });
    expect(compiled.calls).toBeLessThan(5);
  });
});

describe('planFires, a fixed delay after completion', () => {
  const schedule = { type: 'after', delayMs: MINUTE } as const;
  const compiled = { next: (after: EpochMs) => after + MINUTE };
  const delayed = (given: Case) => plan({ compiled, ...given, trigger: { schedule, ...given.trigger } });

  it('fires its delay after the watermark, and leaves open what follows', () => {
    const decided = delayed({ at: 1.5 * MINUTE, watermark: 30_000 });
    expect(decided).toMatchObject({
      watermark: 1.5 * MINUTE,
      dueAt: 1.5 * MINUTE,
      nextDueAt: 'completion',
      missed: [],
    });
    expect(decided.fires).toMatchObject([{ nominalAt: 1.5 * MINUTE, isAwaited: true }]);
  });

  it('fires once however late it is', () => {
    expect(delayed({ at: 10.3 * MINUTE })).toMatchObject({ minutes: [1], watermark: MINUTE, nextDueAt: 'completion' });
  });

  it('is missed as the policy says, and is due its delay after that', () => {
    const decided = delayed({ at: 10 * MINUTE, misfire: { policy: 'skip' } });
    expect(decided).toMatchObject({ fires: [], watermark: 10 * MINUTE, nextDueAt: 11 * MINUTE });
    expect(decided.ranges).toEqual([[1, 1, 1, 'misfire-skip']]);
    const old = delayed({ at: 100 * MINUTE, misfire: { maxAgeMs: 60 * MINUTE } });
    expect(old.ranges).toEqual([[1, 1, 1, 'misfire-too-old']]);
  });

  it('keeps the watermark, from which the delay counts, while nothing is due', () => {
    const decided = delayed({ at: 30_000 });
    expect(decided).toMatchObject({ fires: [], missed: [], watermark: 0, dueAt: 30_000, nextDueAt: MINUTE });
  });

  it('counts from the end of a pause of the job, and passes over what is due in it', () => {
    const paused = delayed({ at: 5 * MINUTE, job: { pause: { since: 30_000, reason: '' } } });
    expect(paused).toMatchObject({ fires: [], missed: [], watermark: 5 * MINUTE, nextDueAt: 6 * MINUTE });
    const resumed = delayed({ at: 6 * MINUTE, watermark: 5 * MINUTE, job: { resumedAt: 5.5 * MINUTE } });
    expect(resumed).toMatchObject({ fires: [], missed: [], watermark: 5.5 * MINUTE, nextDueAt: 6.5 * MINUTE });
  });

  it('is missed when it was due before a pause and had not been decided', () => {
    const paused = delayed({ at: 5 * MINUTE, job: { pause: { since: 2 * MINUTE, reason: '' } } });
    expect(paused).toMatchObject({ fires: [], watermark: 5 * MINUTE, nextDueAt: 6 * MINUTE });
    expect(paused.ranges).toEqual([[1, 1, 1, 'paused']]);
    const resumed = delayed({ at: 6.6 * MINUTE, job: { resumedAt: 5.5 * MINUTE } });
    expect(resumed).toMatchObject({ fires: [], watermark: 5.5 * MINUTE, nextDueAt: 6.5 * MINUTE });
    expect(resumed.ranges).toEqual([[1, 1, 1, 'paused']]);
  });

  it('fires at its start at the earliest, and ends with its end or its last fire', () => {
    expect(delayed({ at: 30_000, trigger: { startAt: 5 * MINUTE } })).toMatchObject({ nextDueAt: 5 * MINUTE });
    expect(delayed({ at: 2 * MINUTE, trigger: { endAt: MINUTE } })).toMatchObject({ fires: [], nextDueAt: null });
    // Also the last one waits for the execution before it.
    const last = { minutes: [1], nextDueAt: 'completion' };
    expect(delayed({ at: MINUTE, trigger: { endAt: 2 * MINUTE } })).toMatchObject(last);
    expect(delayed({ at: MINUTE, trigger: { maxFires: 1 } })).toMatchObject(last);
    expect(delayed({ at: MINUTE, trigger: { maxFires: 1 }, fireCount: 1 })).toMatchObject({
      fires: [],
      nextDueAt: null,
    });
  });
});

describe('planReplaced', () => {
  it('misses everything that is due, whatever the policy says, and goes on with what follows', () => {
    const input = setup({ at: 3 * MINUTE, misfire: { policy: 'fireAll' } });
    const range = { nominalAt: MINUTE, throughAt: 3 * MINUTE, count: 3, reason: 'replaced' };
    expect(planReplaced(input, 'replaced')).toMatchObject({
      ...{ watermark: 3 * MINUTE, dueAt: 3 * MINUTE, nextDueAt: 4 * MINUTE, fires: [], missed: [range] },
    });
    expect(planReplaced(input, 'paused').missed).toMatchObject([{ ...range, reason: 'paused' }]);
  });

  it('moves on without a record where a pause of the job has nothing left', () => {
    const input = setup({ at: 3 * MINUTE, job: { pause: { since: 1, reason: '' } } });
    expect(planReplaced(input, 'replaced')).toMatchObject({
      ...{ watermark: 3 * MINUTE, nextDueAt: 4 * MINUTE, fires: [], missed: [] },
    });
  });

  it('misses first what was due before a pause of the job', () => {
    const input = setup({ at: 3 * MINUTE, job: { pause: { since: MINUTE, reason: '' } } });
    expect(planReplaced(input, 'replaced')).toMatchObject({
      ...{ watermark: MINUTE, nextDueAt: 2 * MINUTE, missed: [{ count: 1, reason: 'paused' }] },
    });
  });

  it('corrects a due instant that came before the time', () => {
    const input = setup({ at: 10 });
    expect(planReplaced(input, 'replaced')).toMatchObject({ watermark: 1, nextDueAt: MINUTE, missed: [] });
  });

  it('misses the one time that is due a delay after completion, and counts the delay from now', () => {
    const trigger = { schedule: { type: 'after' as const, delayMs: MINUTE } };
    const input = setup({ at: 3 * MINUTE, trigger, compiled: { next: (after) => after + MINUTE } });
    expect(planReplaced(input, 'replaced')).toMatchObject({
      ...{
        watermark: 3 * MINUTE,
        nextDueAt: 4 * MINUTE,
        missed: [{ nominalAt: MINUTE, count: 1, reason: 'replaced' }],
      },
    });
  });

  it('takes as many decisions as a huge gap needs', () => {
    const input = setup({ at: (MAX_TIMES_PER_DECISION + 5) * MINUTE });
    const first = planReplaced(input, 'replaced');
    expect(first.missed).toMatchObject([{ count: MAX_TIMES_PER_DECISION }]);
    expect(first.nextDueAt).toBe((MAX_TIMES_PER_DECISION + 1) * MINUTE);
  });
});

describe('planFires, huge gaps', () => {
  it('decides a bounded number of times and leaves the rest due', () => {
    const compiled = everyMs(100);
    const decided = plan({ at: 86_400_000, compiled, misfire: { policy: 'fireAll', maxCount: 50 } });
    expect(decided.missed).toMatchObject([{ count: MAX_TIMES_PER_DECISION, reason: 'misfire-too-many' }]);
    expect(decided.watermark).toBe(100 * MAX_TIMES_PER_DECISION);
    expect(decided.nextDueAt).toBe(100 * (MAX_TIMES_PER_DECISION + 1));
    expect(compiled.calls).toBeLessThan(MAX_TIMES_PER_DECISION + 60);
  });

  it('queues a bounded number of fires at once', () => {
    const decided = plan({ at: 1_000_000, compiled: everyMs(100), misfire: { graceMs: 86_400_000 } });
    expect(decided.fires).toHaveLength(MAX_FIRES_PER_DECISION);
    expect(decided.nextDueAt).toBe(100 * (MAX_FIRES_PER_DECISION + 1));
  });
});

describe('planFires, for all triggers', () => {
  const cases = fc.record({
    period: fc.integer({ min: 100, max: 5000 }),
    at: fc.integer({ min: 1, max: 600_000 }),
    policy: fc.constantFrom('fireOnce', 'fireAll', 'skip'),
    graceMs: fc.integer({ min: 1000, max: 100_000 }),
    maxAgeMs: fc.integer({ min: 1000, max: 300_000 }),
    maxCount: fc.integer({ min: 1, max: 200 }),
    jitterMs: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
    maxFires: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
    endAt: fc.option(fc.integer({ min: 1, max: 700_000 }), { nil: undefined }),
    resumedAt: fc.option(fc.integer({ min: 1, max: 600_000 }), { nil: undefined }),
    /** Fires per decision, as the pace of catching up allows. */
    stepSize: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
  });

  /** Decides until nothing is due any more, as a leader does, and checks each decision against the one before. */
  function catchUp(given: typeof cases extends fc.Arbitrary<infer T> ? T : never) {
    const { period, at, policy, graceMs, maxAgeMs, maxCount, jitterMs, maxFires, endAt, resumedAt, stepSize } = given;
    const optional = { jitterMs, maxFires, endAt };
    const trigger = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
    const job = resumedAt === undefined ? {} : { resumedAt };
    const common = { at, compiled: everyMs(period), misfire: { policy, graceMs, maxAgeMs, maxCount }, trigger, job };
    const fires: number[] = [];
    const missed: { from: number; through: number; count: number; reason: string }[] = [];
    const steps: { kind: 'fires' | 'missed'; nominalAt: number }[] = [];
    let watermark = 0;
    let fireCount = 0;
    for (;;) {
      const input = setup({ ...common, watermark, fireCount });
      const decision = planFires({ ...input, ...(stepSize === undefined ? {} : { maxFires: stepSize }) });
      expect(decision.fires.length).toBeLessThanOrEqual(stepSize ?? MAX_FIRES_PER_DECISION);
      expect(decision.watermark).toBeGreaterThan(watermark);
      expect(decision.dueAt).toBeLessThanOrEqual(at);
      expect(decision.expected.watermark).toBe(watermark);
      const own = [
        ...decision.fires.map(({ nominalAt }) => ({ kind: 'fires' as const, nominalAt })),
        ...decision.missed.map(({ nominalAt }) => ({ kind: 'missed' as const, nominalAt })),
      ].sort((a, b) => a.nominalAt - b.nominalAt);
      for (const { nominalAt } of own) {
        expect(nominalAt).toBeGreaterThan(watermark);
        expect(nominalAt).toBeLessThanOrEqual(decision.watermark);
      }
      steps.push(...own);
      fires.push(...decision.fires.map(({ nominalAt }) => nominalAt));
      for (const range of decision.missed) {
        missed.push({ from: range.nominalAt, through: range.throughAt, count: range.count, reason: range.reason });
      }
      fireCount += decision.fires.length;
      watermark = decision.watermark;
      if (decision.nextDueAt === null || Number(decision.nextDueAt) > at)
        return { fires, missed, watermark, input, nextDueAt: decision.nextDueAt };
    }
  }

  /** Every nominal time of the trigger that is due at `at`, straight from the definition. */
  function dueTimes({ trigger, compiled, at }: ReturnType<typeof setup>): number[] {
    const times: number[] = [];
    for (let next = nextFire(trigger.key, trigger.definition, compiled, 0); next !== null && next.dueAt <= at;) {
      times.push(next.nominalAt);
      next = nextFire(trigger.key, trigger.definition, compiled, next.nominalAt);
    }
    return times;
  }

  it('puts each nominal time in exactly one place, in order, in as many decisions as it takes', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { fires, missed, watermark, input } = catchUp(given);
        const inRanges = missed.flatMap(({ from, through, count }) => {
          const times = Array.from({ length: count }, (_, index) => from + index * given.period);
          expect(times.at(-1)).toBe(through);
          return times;
        });
        const seen = [...fires, ...inRanges].sort((a, b) => a - b);
        const isUsedUp = fires.length === given.maxFires;
        const last = isUsedUp ? watermark : given.at;
        expect(seen).toEqual(dueTimes(input).filter((time) => time <= last));
        const overtaken = missed.filter(({ reason }) => reason === 'paused');
        const times = dueTimes(input).filter((time) => time <= Math.min(last, given.resumedAt ?? 0));
        expect(overtaken.reduce((sum, { count }) => sum + count, 0)).toBe(times.length);
        expect(fires).toEqual([...fires].sort((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  it('judges a backlog that is decided in pieces like one that is decided at once', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { fires, input } = catchUp({ ...given, maxFires: undefined, jitterMs: undefined });
        const times = dueTimes(input).filter((time) => time > (given.resumedAt ?? 0));
        const late = times.filter((time) => given.at - time > given.graceMs);
        const expected = times.filter((time, index) => {
          if (index >= late.length) return true;
          if (given.policy === 'skip' || given.at - time > given.maxAgeMs) return false;
          return given.policy === 'fireOnce' ? index === times.length - 1 : late.length - index <= given.maxCount;
        });
        expect(fires).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  const outages = fc.record({
    period: fc.integer({ min: 100, max: 5000 }),
    /** How long nobody decides, and how long a leader then works, by turns. */
    spans: fc.array(fc.integer({ min: 1, max: 120_000 }), { minLength: 1, maxLength: 12 }),
    policy: fc.constantFrom('fireOnce', 'fireAll', 'skip'),
    graceMs: fc.integer({ min: 1000, max: 20_000 }),
    maxAgeMs: fc.integer({ min: 1000, max: 60_000 }),
    maxCount: fc.integer({ min: 1, max: 50 }),
    stepSize: fc.integer({ min: 1, max: 20 }),
  });

  it('loses and doubles no time through any row of outages, with late fires held back between decisions', () => {
    fc.assert(
      fc.property(outages, ({ period, spans, policy, graceMs, maxAgeMs, maxCount, stepSize }) => {
        const compiled = everyMs(period);
        const misfire = { policy, graceMs, maxAgeMs, maxCount } as const;
        const seen: number[] = [];
        let [now, watermark, dueAt] = [0, 0, period];
        for (const [turn, span] of spans.entries()) {
          const until = now + span;
          // In the odd turns a leader decides once in a while, a step at a time.
          for (; turn % 2 === 1 && now < until; now += 500) {
            if (dueAt > now) continue;
            const decision = planFires({
              ...setup({ at: now, compiled, misfire, watermark, dueAt }),
              maxFires: stepSize,
            });
            for (const { nominalAt } of decision.fires) seen.push(nominalAt);
            for (const { nominalAt, count } of decision.missed) {
              seen.push(...Array.from({ length: count }, (_, i) => nominalAt + i * period));
            }
            expect(decision.watermark).toBeGreaterThan(watermark);
            [watermark, dueAt] = [decision.watermark, Number(decision.nextDueAt)];
          }
          now = until;
        }
        const decided = Array.from({ length: Math.floor(watermark / period) }, (_, i) => (i + 1) * period);
        expect(seen.sort((a, b) => a - b)).toEqual(decided);
      }),
      { numRuns: 300 },
    );
  });
});
