import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCalendar, type CalendarDefinition } from '../../src/domain/calendar.js';
import { JOB, setup } from './shard-fixture.js';

const MINUTE = 60_000;

/** Excludes two hours-and-minutes stretches of the first three hours, in every way that calendars can. */
const minuteOfDay = fc.integer({ min: 0, max: 179 });
const clockTime = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
const calendar: fc.Arbitrary<CalendarDefinition> = fc
  .record({ from: minuteOfDay, to: minuteOfDay, mode: fc.constantFrom('exclude' as const, 'include' as const) })
  .map(({ from, to, mode }) => ({
    ...{ type: 'daily', timeZone: 'UTC', mode },
    ...{ from: clockTime(from), to: clockTime(from === to ? to + 1 : to) },
  }));

const history = fc.record({
  first: calendar,
  /** Each after so many ms. */
  changes: fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 40 * MINUTE }), to: calendar }), { maxLength: 6 }),
  everyMinutes: fc.constantFrom(1, 5, 7),
  isBriefed: fc.boolean(),
});

describe('however often a calendar changes', () => {
  it('exactly those times fire that it includes when they come, none twice', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ first, changes, everyMinutes, isBriefed }) => {
        const { clock, stores, calendars, lead, put, records, origin } = setup();
        const inForce: { from: number; definition: CalendarDefinition }[] = [];
        const write = async (definition: CalendarDefinition): Promise<void> => {
          inForce.push({ from: clock.now(), definition });
          await stores.calendars.putCalendar({ namespace: 'shop', name: 'c', definition });
          await calendars.refresh();
          await clock.advance(0);
        };
        await write(first);
        await put({
          t: { schedule: { type: 'every', everyMs: everyMinutes * MINUTE }, overlap: 'allow', calendars: ['c'] },
        });
        await lead();
        await clock.advance(30);
        for (const [index, { afterMs, to }] of changes.entries()) {
          await clock.advance(afterMs);
          await write(to);
          // The page of the replanner comes a little later, or after some more changes.
          if (isBriefed || index % 2 === 0) await clock.advance(20);
        }
        await clock.advance(30 * MINUTE);
        const end = clock.now();

        const expected: number[] = [];
        const step = everyMinutes * MINUTE;
        for (let at = Math.ceil((origin + 1) / step) * step; at <= end; at += step) {
          const { definition } = inForce.filter(({ from }) => from < at).at(-1) ?? { definition: first };
          if (compileCalendar(definition, { timeZone: 'UTC' }).includes(at)) expected.push(at);
        }
        const fired = (await records()).map(({ nominalAt }) => nominalAt);
        // At the very millisecond of a change either is right.
        const isAmbiguous = (at: number): boolean => inForce.some(({ from }) => from === at);
        expect(fired.filter((at) => !isAmbiguous(at))).toEqual(expected.filter((at) => !isAmbiguous(at)));
        expect(new Set(fired).size).toBe(fired.length);
        expect((await stores.jobs.getTrigger(`${JOB}/t`))?.state.fireCount).toBe(fired.length);
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});
