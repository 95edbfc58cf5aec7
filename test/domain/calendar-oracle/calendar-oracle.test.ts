import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCalendar, type CalendarDefinition, type CompiledCalendar } from '../../../src/domain/calendar.js';
import { compileSchedule } from '../../../src/domain/time/schedule.js';

/** Fires with calendars, by us and by the calendars of Quartz 2.3.2 itself, run by the machine's Java. */

const JARS = ['quartz2.jar', 'slf4j-api.jar', 'slf4j-nop.jar'].map((name) => `/usr/share/java/${name}`);
const SEED = 20261121;
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;

function missing(): string | null {
  const absent = JARS.filter((jar) => !existsSync(jar));
  if (absent.length > 0) return `${absent.join(', ')} (apt-get install libquartz2-java)`;
  return spawnSync('java', ['-version']).status === 0 ? null : 'java';
}

/** Our definition, and the same for Quartz as text. */
interface Pair {
  readonly ours: CalendarDefinition;
  readonly quartz: string;
}

const two = (value: number): string => String(value).padStart(2, '0');
const monthAndDay = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 31 }))
  .filter(([month, day]) => day <= new Date(Date.UTC(2024, month, 0)).getUTCDate())
  .map(([month, day]) => `${two(month)}-${two(day)}`);
const some = <T>(value: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> =>
  fc.uniqueArray(value, { minLength: 1, maxLength });
const minutes = fc.integer({ min: 0, max: 1439 });
const clockTime = (minute: number): string => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;

const calendar: fc.Arbitrary<Pair> = fc.oneof(
  some(monthAndDay, 20).map((days) => {
    const dates = days.filter((day) => day !== '02-29').map((day) => `2027-${day}`);
    const all = dates.length === 0 ? ['2027-01-01'] : dates;
    return { ours: { type: 'dates' as const, dates: all }, quartz: `dates ${all.join()}` };
  }),
  some(monthAndDay, 30).map((days) => ({ ours: { type: 'annual' as const, days }, quartz: `annual ${days.join()}` })),
  some(fc.integer({ min: 1, max: 7 }), 6).map((days) => ({
    ours: { type: 'weekly' as const, days: days.map((day) => WEEKDAYS[day - 1] ?? 'SUN') },
    quartz: `weekly ${days.join()}`,
  })),
  some(fc.integer({ min: 1, max: 31 }), 25).map((days) => ({
    ours: { type: 'monthly' as const, days },
    quartz: `monthly ${days.join()}`,
  })),
  fc
    .tuple(minutes, minutes, fc.boolean())
    .filter(([from, to]) => from !== to)
    .map(([a, b, isInverted]) => {
      // A range of Quartz ends on the day on which it began.
      const [from, to] = [clockTime(Math.min(a, b)), clockTime(Math.max(a, b))];
      const mode = isInverted ? ('include' as const) : ('exclude' as const);
      return {
        ours: { type: 'daily' as const, from, to, mode },
        quartz: `${isInverted ? 'inverted' : 'daily'} ${from},${to}`,
      };
    }),
  fc.constantFrom('* * 0-7,18-23 ? * *', '* * * ? * SAT,SUN', '* 0-29 * L * ?', '* * * ? 7-8 *').map((expression) => ({
    ours: { type: 'cron' as const, expression, dialect: 'quartz' as const },
    quartz: `cron ${expression}`,
  })),
);

const question = fc.record({
  zone: fc.constantFrom(
    'UTC',
    'Asia/Shanghai',
    'Asia/Kathmandu',
    'America/Phoenix',
    'Europe/Berlin',
    'America/New_York',
  ),
  // Half a minute off, so that no fire meets the very end of a range of hours, which Quartz counts in.
  expression: fc.constantFrom('30 0/20 * * * ?', '30 15 9 * * ?', '30 40 23 ? * MON-FRI', '30 5 0/3 * * ?'),
  after: fc.integer({ min: Date.UTC(2026, 10, 21), max: Date.UTC(2027, 11, 31) }),
  calendars: fc.array(calendar, { minLength: 1, maxLength: 3 }),
});

type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

const COUNT = 6;
const HORIZON_MS = 60 * 86_400_000;

function ourFires({ zone: timeZone, expression, after, calendars }: Question): number[] {
  const compiled = calendars.reduceRight<CompiledCalendar | undefined>(
    (base, { ours }) => compileCalendar(ours, { timeZone, base }),
    undefined,
  );
  if (compiled === undefined) throw new Error('no calendar');
  const schedule = { type: 'cron' as const, expression, dialect: 'quartz' as const };
  return compileSchedule(schedule, { timeZone, calendars: [compiled] }).preview(after, COUNT);
}

function askQuartz(questions: readonly Question[]): number[][] {
  const source = fileURLToPath(new URL('CalendarOracle.java', import.meta.url));
  const input = questions.map(({ zone, expression, after, calendars }) =>
    [zone, expression, after, COUNT, ...calendars.map(({ quartz }) => quartz)].join('\t'),
  );
  const { stdout, stderr, status } = spawnSync(
    'java',
    ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', JARS.join(':'), source],
    { input: `${input.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (status !== 0) throw new Error(`Quartz could not be asked: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t').map(Number));
}

const reason = missing();
if (reason !== null) process.stdout.write(`calendars are not compared with Quartz: ${reason} is missing\n`);

describe.skipIf(reason !== null)('calendars of Quartz', () => {
  it('let the same times fire, alone and on bases', { timeout: 120_000 }, () => {
    const asked = fc.sample(question, { numRuns: 1500, seed: SEED });
    // Where (nearly) everything is excluded, Quartz tries every fire up to the year 2299.
    const kept = asked.filter((each) => {
      const fires = ourFires(each);
      return fires.length === COUNT && (fires.at(-1) ?? Infinity) < each.after + HORIZON_MS;
    });
    expect(kept.length).toBeGreaterThan(700);
    const answers = askQuartz(kept);
    const differences = kept.flatMap((each, i) => {
      const fires = ourFires(each);
      return JSON.stringify(fires) === JSON.stringify(answers[i]) ? [] : [{ ...each, ours: fires, quartz: answers[i] }];
    });
    expect(differences.map((each) => JSON.stringify(each)).slice(0, 5)).toEqual([]);
  });
});
