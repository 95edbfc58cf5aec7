import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCalendar, parseCalendar, type CompiledCalendar } from '../../../src/domain/calendar.js';
import { compileSchedule, type Schedule } from '../../../src/domain/time/schedule.js';

const DAY_MS = 86_400_000;
const zone = fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/Havana');

/** At most some hundred times a day, so that a plain list of them can be looked through. */
const schedule = fc.constantFrom<Schedule>(
  { type: 'cron', expression: '*/20 * * * *' },
  { type: 'cron', expression: '30 2 * * *' },
  { type: 'cron', expression: '0 9 * * MON-FRI' },
  { type: 'every', everyMs: 7_213_000, anchor: '2026-01-01T00:00:00Z' },
  { type: 'dailyWindow', from: '22:00', to: '03:00', everyMs: 1_800_000 },
  { type: 'calendarInterval', every: 1, unit: 'month', anchor: '2026-01-31T01:30:00' },
  { type: 'rrule', rrule: 'FREQ=HOURLY;INTERVAL=5;BYDAY=SA,SU,MO', dtstart: '2026-01-01T00:30:00' },
  { type: 'lunar', month: 3, day: 3, hour: 2, minute: 30 },
);

const mode = fc.constantFrom('exclude', 'include');
const text = (pattern: RegExp): fc.Arbitrary<string> => fc.stringMatching(pattern);
const definition = fc.oneof(
  fc.record({
    type: fc.constant('weekly'),
    mode,
    days: fc.uniqueArray(fc.constantFrom('SUN', 'MON', 'TUE', 'WED', 'FRI'), { minLength: 1 }),
  }),
  fc.record({
    type: fc.constant('monthly'),
    mode,
    days: fc.uniqueArray(fc.integer({ min: 1, max: 28 }), { minLength: 1, maxLength: 20 }),
  }),
  fc.record({
    type: fc.constant('daily'),
    mode,
    from: text(/^(?:0\d|1\d|2[0-3]):[0-5]\d$/),
    to: text(/^(?:0\d|1\d|2[0-3]):[0-5]\d$/),
  }),
  fc.record({
    type: fc.constant('dates'),
    mode: fc.constant('exclude'),
    dates: fc.uniqueArray(fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-05', '2026-10-25'), { minLength: 1 }),
  }),
);
/** One to three calendars in force; the second of a pair is the base of the first. */
const calendars = fc.array(fc.tuple(definition, fc.option(definition)), { minLength: 1, maxLength: 3 });

const start = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 11, 1) });
const RUNS = { numRuns: 300 };

/** Null for definitions that are refused, such as hours that begin when they end. */
function compiled(pairs: readonly (readonly [object, object | null])[], timeZone: string): CompiledCalendar[] | null {
  try {
    return pairs.map(([own, base]) =>
      compileCalendar(parseCalendar(own), {
        timeZone,
        base: base === null ? undefined : compileCalendar(parseCalendar(base), { timeZone }),
      }),
    );
  } catch {
    return null;
  }
}

describe('a schedule under calendars', () => {
  it('has the times of the plain schedule that every calendar includes, from wherever it is asked', () => {
    let compared = 0;
    fc.assert(
      fc.property(schedule, zone, calendars, start, (rule, timeZone, pairs, from) => {
        const inForce = compiled(pairs, timeZone);
        if (inForce === null) return;
        const to = from + 20 * DAY_MS;
        const plain = compileSchedule(rule, { timeZone }).between(from, to, 5000);
        const expected = plain.filter((at) => inForce.every((calendar) => calendar.includes(at)));
        const under = compileSchedule(rule, { timeZone, calendars: inForce });
        compared += expected.length;

        expect(under.between(from, to, 5000)).toEqual(expected);
        expect(under.preview(from - 1, expected.length)).toEqual(expected);
        const ahead: number[] = [];
        for (let at = under.next(from - 1); at !== null && at < to; at = under.next(at)) ahead.push(at);
        expect(ahead).toEqual(expected);
        const back: number[] = [];
        for (let at = under.previous(to); at !== null && at >= from; at = under.previous(at)) back.push(at);
        expect(back.reverse()).toEqual(expected);
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(1000);
  });

  it('has the same next time from every instant before it, fire or excluded time', () => {
    fc.assert(
      fc.property(
        fc.tuple(schedule, zone, calendars),
        start,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ([rule, timeZone, pairs], after, part) => {
          const inForce = compiled(pairs, timeZone);
          if (inForce === null) return;
          const under = compileSchedule(rule, { timeZone, calendars: inForce });
          const at = under.next(after);
          if (at === null) return;
          expect(at).toBeGreaterThan(after);
          expect(under.next(after + Math.floor((at - 1 - after) * part))).toBe(at);
          expect(under.previous(at + 1)).toBe(at);
          expect(under.previous(at) ?? -Infinity).toBeLessThanOrEqual(after);
        },
      ),
      RUNS,
    );
  });

  it('compiled with calendars does not change what is compiled without', () => {
    fc.assert(
      fc.property(schedule, zone, calendars, start, (rule, timeZone, pairs, after) => {
        const inForce = compiled(pairs, timeZone);
        if (inForce === null) return;
        const before = compileSchedule(rule, { timeZone }).preview(after, 5);
        compileSchedule(rule, { timeZone, calendars: inForce }).preview(after, 5);
        expect(compileSchedule(rule, { timeZone }).preview(after, 5)).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });
});
