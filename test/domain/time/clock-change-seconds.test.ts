import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/domain/time/instant.js';
import { compileSchedule, type ScheduleContext } from '../../../src/domain/time/schedule.js';
import { CLOCK_CHANGES } from './clock-change-zones.js';
import { WallClock } from './wall-clock.js';

/**
 * A brute-force reading of cron with seconds through every clock change of 2000-2037: it steps second by second
 * through the three hours before and after with `Intl` alone, and shares no code with the engine.
 */

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const SECONDS_OF_DAY = 86_400;

interface Rule {
  readonly expression: string;
  /** Index = second of the day. */
  readonly matches: Uint8Array;
}

function rule(expression: string, matches: (hour: number, minute: number, second: number) => boolean): Rule {
  const table = Uint8Array.from({ length: SECONDS_OF_DAY }, (_, i) =>
    Number(matches(Math.floor(i / 3600), Math.floor(i / 60) % 60, i % 60)),
  );
  return { expression, matches: table };
}

/** Written with a step or a star: follow elapsed time. */
const STEPPED = [
  rule('*/10 * * * * *', (_h, _m, s) => s % 10 === 0),
  rule('30 */7 * * * *', (_h, m, s) => s === 30 && m % 7 === 0),
  rule('5 0 * * * *', (_h, m, s) => s === 5 && m === 0),
  rule('59 59 */2 * * *', (h, m, s) => s === 59 && m === 59 && h % 2 === 0),
];

/** Times of day: once on each day that has them, and on which the clock does not leap over them. */
const FIXED = [
  rule('0 0 0 * * *', (h, m, s) => s === 0 && m === 0 && h === 0),
  rule('15,45 30 1,2 * * *', (h, m, s) => (s === 15 || s === 45) && m === 30 && (h === 1 || h === 2)),
  rule('59 59 0,1,2,23 * * *', (h, m, s) => s === 59 && m === 59 && (h <= 2 || h === 23)),
  rule('1 0 3 * * *', (h, m, s) => s === 1 && m === 0 && h === 3),
];

/** Every second from three hours before the change to three hours after, with what the wall clock shows. */
class Seconds {
  readonly at: Float64Array;
  readonly local: Float64Array;

  constructor(clock: WallClock, change: EpochMs) {
    const count = (6 * HOUR) / SECOND;
    this.at = Float64Array.from({ length: count }, (_, i) => change - 3 * HOUR + i * SECOND);
    const before = clock.localAt(change - SECOND) - (change - SECOND);
    const after = clock.localAt(change) - change;
    this.local = this.at.map((at) => at + (at < change ? before : after));
    for (let i = 0; i < count; i += 900) expect(clock.localAt(this.at[i] as number)).toBe(this.local[i]);
  }

  /** Whatever the wall clock shows, as often as it shows it. */
  shown({ matches }: Rule): EpochMs[] {
    const found: EpochMs[] = [];
    for (const [i, local] of this.local.entries())
      if (matches[secondOfDay(local)] === 1) found.push(this.at[i] as number);
    return found;
  }

  /** At the first showing; what is leapt over comes at the end of the leap, unless its day does not exist at all. */
  firstShown({ matches }: Rule): EpochMs[] {
    const found: EpochMs[] = [];
    const days = new Set(this.local.map((local) => Math.floor(local / DAY)));
    let newest = (this.local[0] as number) - SECOND;
    for (const [i, local] of this.local.entries()) {
      let fires = local > newest && matches[secondOfDay(local)] === 1;
      for (let lost = newest + SECOND; lost < local && !fires; lost += SECOND) {
        fires = matches[secondOfDay(lost)] === 1 && days.has(Math.floor(lost / DAY));
      }
      if (fires) found.push(this.at[i] as number);
      newest = Math.max(newest, local);
    }
    return found;
  }

  /** At the last showing; what is leapt over does not come. */
  lastShown({ matches }: Rule): EpochMs[] {
    const found: EpochMs[] = [];
    let oldest = Infinity;
    for (let i = this.at.length - 1; i >= 0; i--) {
      const local = this.local[i] as number;
      if (local < oldest && matches[secondOfDay(local)] === 1) found.push(this.at[i] as number);
      oldest = Math.min(oldest, local);
    }
    return found.reverse();
  }
}

function secondOfDay(local: number): number {
  return (((local / SECOND) % SECONDS_OF_DAY) + SECONDS_OF_DAY) % SECONDS_OF_DAY;
}

function expectFires(
  { at }: Seconds,
  { expression }: Rule,
  context: ScheduleContext,
  expected: readonly EpochMs[],
): void {
  const compiled = compileSchedule({ type: 'cron', expression }, context);
  const from = at[0] as number;
  const found = compiled.between(from, (at.at(-1) as number) + 1, 10_000);
  if (found.length === expected.length && found.every((time, i) => time === expected[i])) return;
  const readable = (times: readonly EpochMs[]): string[] => times.map((time) => new Date(time).toISOString());
  const label = { expression, ...context, from: new Date(from).toISOString() };
  expect({ label, fires: readable(found) }).toEqual({ label, fires: readable(expected) });
}

describe('cron with seconds through every clock change of 2000 to 2037, second by second', () => {
  it.each(CLOCK_CHANGES)('in %s', (timeZone, fewest) => {
    const clock = new WallClock(timeZone);
    const changes = clock.changes(Date.UTC(2000, 0, 3), Date.UTC(2037, 11, 28));
    expect(changes.length).toBeGreaterThanOrEqual(fewest);
    for (const change of changes) {
      const seconds = new Seconds(clock, change);
      for (const stepped of STEPPED) expectFires(seconds, stepped, { timeZone }, seconds.shown(stepped));
      for (const fixed of FIXED) {
        expectFires(seconds, fixed, { timeZone }, seconds.firstShown(fixed));
        const both = { timeZone, dstGap: 'skip', dstOverlap: 'both' } as const;
        expectFires(seconds, fixed, both, seconds.shown(fixed));
        const second = { timeZone, dstGap: 'skip', dstOverlap: 'second' } as const;
        expectFires(seconds, fixed, second, seconds.lastShown(fixed));
      }
    }
  });
});
