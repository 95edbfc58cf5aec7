import { describe, expect, it } from 'vitest';
import type { CalendarDefinition } from '../../src/domain/calendar.js';
import { CalendarSet, type DatedCalendar } from '../../src/domain/calendar-set.js';

function calendar(updatedAt: number, base?: string): DatedCalendar {
  const definition: CalendarDefinition = { type: 'weekly', days: ['SUN'], ...(base === undefined ? {} : { base }) };
  return { definition, updatedAt };
}

describe('the last change of the calendars that a trigger names', () => {
  const set = new CalendarSet(
    new Map([
      ['old', calendar(1000)],
      ['onNew', calendar(2000, 'new')],
      ['new', calendar(3000)],
      ['other', calendar(9000)],
      ['loop', calendar(4000, 'back')],
      ['back', calendar(5000, 'loop')],
    ]),
  );

  it.each([
    [['old'], 1000],
    [['old', 'onNew'], 3000],
    [['loop'], 5000],
    [['missing', 'old'], 1000],
    [[], -Infinity],
  ])('of %j is at %d', (names, at) => {
    expect(set.changedAt(names)).toBe(at);
  });
});
