import { describe, expect, it } from 'vitest';
import { compileSchedule } from '../../../src/domain/time/schedule.js';
import { CLOCK_CHANGES } from './clock-change-zones.js';
import { WallClock } from './wall-clock.js';

/**
 * A brute-force reading of the default rule around every clock change of 2000-2037: it steps through the
 * minutes of the two days before and after with `Intl` alone, and shares no code with the engine.
 */

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

interface Rule {
  readonly expression: string;
  /** Written with a step or a star: follows elapsed time. */
  readonly isStepped: boolean;
  readonly minutes: (minute: number) => boolean;
  readonly hours: (hour: number) => boolean;
  readonly days: (local: Date) => boolean;
}

const always = (): boolean => true;
const at = (...values: number[]): ((value: number) => boolean) => values.includes.bind(values);

const RULES: readonly Rule[] = [
  { expression: '*/10 * * * *', isStepped: true, minutes: (m) => m % 10 === 0, hours: always, days: always },
  { expression: '15 */2 * * *', isStepped: true, minutes: at(15), hours: (h) => h % 2 === 0, days: always },
  { expression: '45 * * * SUN', isStepped: true, minutes: at(45), hours: always, days: (d) => d.getUTCDay() === 0 },
  { expression: '0 0 * * *', isStepped: false, minutes: at(0), hours: at(0), days: always },
  { expression: '30 0 * * *', isStepped: false, minutes: at(30), hours: at(0), days: always },
  { expression: '15 1 * * *', isStepped: false, minutes: at(15), hours: at(1), days: always },
  { expression: '45 1 * * *', isStepped: false, minutes: at(45), hours: at(1), days: always },
  { expression: '15 2 * * *', isStepped: false, minutes: at(15), hours: at(2), days: always },
  { expression: '0,50 2,3 * * *', isStepped: false, minutes: at(0, 50), hours: at(2, 3), days: always },
  { expression: '45 23 * * *', isStepped: false, minutes: at(45), hours: at(23), days: always },
  {
    expression: '5 23,0 1,15,30,31 * *',
    isStepped: false,
    minutes: at(5),
    hours: at(23, 0),
    days: (d) => at(1, 15, 30, 31)(d.getUTCDate()),
  },
];

interface Minute {
  readonly at: number;
  readonly local: number;
}

/** The whole minutes of the wall clock around a change; offsets here are whole minutes. */
function minutesAround(clock: WallClock, change: number): Minute[] {
  const found: Minute[] = [];
  const start = Math.floor(change / HOUR) * HOUR - 2 * DAY;
  // One look per quarter of an hour: no zone changes within one.
  for (let t = start; t < start + 4 * DAY; t += 15 * MINUTE) {
    const offset = clock.localAt(t) - t;
    for (let i = 0; i < 15; i++) found.push({ at: t + i * MINUTE, local: t + i * MINUTE + offset });
  }
  return found;
}

function expectedFires(minutes: readonly Minute[], rule: Rule): number[] {
  const matches = (local: number): boolean => {
    const date = new Date(local);
    return rule.minutes(date.getUTCMinutes()) && rule.hours(date.getUTCHours()) && rule.days(date);
  };
  if (rule.isStepped) return minutes.filter(({ local }) => matches(local)).map((minute) => minute.at);
  const existingDays = new Set(minutes.map(({ local }) => Math.floor(local / DAY)));
  const fires = new Set<number>();
  let newest = -Infinity;
  for (const { at: instant, local } of minutes) {
    // A skipped stretch comes now, at the first instant after it, unless the whole day of a time is missing.
    for (let lost = newest + MINUTE; lost < local && newest > 0; lost += MINUTE) {
      if (matches(lost) && existingDays.has(Math.floor(lost / DAY))) fires.add(instant);
    }
    if (local > newest && matches(local)) fires.add(instant);
    newest = Math.max(newest, local);
  }
  return [...fires];
}

describe('the default rule around every clock change of 2000 to 2037', () => {
  it.each(CLOCK_CHANGES)('in %s', (zone, fewest) => {
    const clock = new WallClock(zone);
    const changes = clock.changes(Date.UTC(2000, 0, 3), Date.UTC(2037, 11, 28));
    expect(changes.length).toBeGreaterThanOrEqual(fewest);
    for (const change of changes) {
      const minutes = minutesAround(clock, change);
      const from = (minutes[0] as Minute).at + DAY;
      const to = from + 2 * DAY;
      for (const rule of RULES) {
        const expected = expectedFires(minutes, rule).filter((t) => t >= from && t < to);
        const compiled = compileSchedule({ type: 'cron', expression: rule.expression }, { timeZone: zone });
        const found = compiled.between(from, to, 1000);
        if (found.join() !== expected.join()) {
          const label = `${zone} ${rule.expression} around ${new Date(change).toISOString()}`;
          expect({ label, fires: found.map((t) => new Date(t).toISOString()) }).toEqual({
            label,
            fires: expected.map((t) => new Date(t).toISOString()),
          });
        }
      }
    }
  });
});
