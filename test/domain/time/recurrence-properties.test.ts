import fc from 'fast-check';
import { RRuleTemporal } from 'rrule-temporal';
import { describe, expect, it } from 'vitest';
import { ValidationError } from '../../../src/domain/errors.js';
import { compileSchedule, type SearchableSchedule } from '../../../src/domain/time/schedule.js';
import { recurrence } from './random-recurrence.js';

const UNTIL = Date.UTC(2034, 0, 1);
/** Empty periods after which the library is told to give up. */
const MAX_EMPTY = 400;
const TIMES = 8;

/** To the second, within two years. */
const start = fc
  .integer({ min: 0, max: 63_000_000 })
  .map((seconds) => new Date(Date.UTC(2024, 0, 1) + seconds * 1000).toISOString().slice(0, 19));

/** Null for a rule that has no time at all. */
function compiled(rrule: string, dtstart: string): SearchableSchedule | null {
  try {
    return compileSchedule({ type: 'rrule', rrule, dtstart }, { timeZone: 'UTC' });
  } catch (error) {
    if (error instanceof ValidationError) return null;
    throw error;
  }
}

/** Null where the library gives up. */
function timesOfLibrary(rrule: string, dtstart: string): number[] | null {
  const rule = `DTSTART:${dtstart.replaceAll(/[-:]/g, '')}Z\nRRULE:${rrule};UNTIL=20331231T235959Z`;
  try {
    const times = new RRuleTemporal({ rruleString: rule, maxIterations: MAX_EMPTY }).all((_, i) => i < TIMES);
    return times.slice(0, TIMES).map((time) => time.epochMilliseconds);
  } catch {
    return null;
  }
}

/**
 * rrule-temporal adds up parts of a year that RFC 5545 says limit each other, and takes a 53rd weekday that a
 * year does not have from the year before.
 */
function isMisread(rrule: string): boolean {
  if (!rrule.startsWith('FREQ=YEARLY')) return false;
  if (/53[A-Z]/.test(rrule)) return true;
  const hasMonthDay = rrule.includes('BYMONTHDAY');
  return (
    (rrule.includes('BYYEARDAY') && (hasMonthDay || rrule.includes('BYDAY') || rrule.includes('BYMONTH='))) ||
    (hasMonthDay && /BYDAY=[^;]*\d/.test(rrule))
  );
}

describe('a random recurrence', () => {
  it('has the times that rrule-temporal gives it, where that answers', () => {
    let compared = 0;
    fc.assert(
      fc.property(recurrence, start, (rrule, dtstart) => {
        if (isMisread(rrule)) return;
        const theirs = timesOfLibrary(rrule, dtstart);
        if (theirs === null) return;
        compared++;
        const ours = compiled(rrule, dtstart)?.preview(0, TIMES) ?? [];
        expect(ours.filter((at) => at < UNTIL)).toEqual(theirs);
      }),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(1500);
  });

  it('ends with COUNT where counting by hand ends', () => {
    fc.assert(
      fc.property(recurrence, start, fc.integer({ min: 1, max: 60 }), (rrule, dtstart, count) => {
        const endless = compiled(rrule, dtstart)?.preview(0, count) ?? [];
        const counted = compiled(`${rrule};COUNT=${count}`, dtstart);
        // Refused: no time at all, or times so rare that counting them takes long.
        if (counted === null && (endless.length === 0 || /FREQ=(?:SECOND|MINUTE|HOUR)LY/.test(rrule))) return;
        expect(counted?.preview(0, 1000)).toEqual(endless);
      }),
      { numRuns: 1000 },
    );
  });

  it('looks back as it looks ahead', () => {
    fc.assert(
      fc.property(
        recurrence,
        start,
        fc.integer({ min: Date.UTC(2023, 0, 1), max: Date.UTC(2040, 0, 1) }),
        (rrule, dtstart, after) => {
          const times = compiled(rrule, dtstart);
          const ahead = times?.preview(after, TIMES) ?? [];
          expect(ahead.slice(1).map((at) => times?.previous(at))).toEqual(ahead.slice(0, -1));
          const [first] = ahead;
          if (first !== undefined) expect(times?.previous(first) ?? -Infinity).toBeLessThanOrEqual(after);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
