import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSchedule, type SearchableSchedule } from '../../../../src/domain/time/schedule.js';
import { ValidationError } from '../../../../src/domain/errors.js';
import { WallClock } from '../wall-clock.js';

/** The same questions to our reader and to Quartz 2.3.2 itself, run by the machine's Java. */

const JARS = ['quartz2.jar', 'slf4j-api.jar', 'slf4j-nop.jar'].map((name) => `/usr/share/java/${name}`);
const SEED = 20261121;
const DAY = 86_400_000;

function missing(): string | null {
  const absent = JARS.filter((jar) => !existsSync(jar));
  if (absent.length > 0) return `${absent.join(', ')} (apt-get install libquartz2-java)`;
  return spawnSync('java', ['-version']).status === 0 ? null : 'java';
}

interface Question {
  readonly expression: string;
  readonly zone: string;
  readonly instants: readonly number[];
}

/** The answers of Quartz: next instants (null = none), or the word it answers instead. */
function askQuartz(questions: readonly Question[]): (string | readonly (number | null)[])[] {
  const source = fileURLToPath(new URL('Oracle.java', import.meta.url));
  const input = questions.map((q) => [q.expression, q.zone, ...q.instants].join('\t')).join('\n');
  const { stdout, stderr, status } = spawnSync(
    'java',
    ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', JARS.join(':'), source],
    { input: `${input}\n`, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (status !== 0) throw new Error(`Quartz could not be asked: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => (/^[a-z]/.test(line) ? line : line.split('\t').map((v) => (v === '-' ? null : Number(v)))));
}

function plainEntry(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<string> {
  const value = fc.integer({ min, max }).map(String);
  const step = fc.integer({ min: 1, max: max - min }).map(String);
  const range = fc.tuple(value, value).map(([a, b]) => `${a}-${b}`);
  const named = names.length === 0 ? value : fc.constantFrom(...names);
  return fc.oneof(
    { weight: 4, arbitrary: value },
    { weight: 3, arbitrary: range },
    { weight: 1, arbitrary: fc.tuple(value, step).map(([a, s]) => `${a}/${s}`) },
    { weight: 1, arbitrary: fc.tuple(range, step).map(([a, s]) => `${a}/${s}`) },
    { weight: 1, arbitrary: named },
    { weight: 1, arbitrary: fc.tuple(named, named).map(([a, b]) => `${a}-${b}`) },
  );
}

function plain(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<string> {
  const step = fc.integer({ min: 1, max: max - min });
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant('*') },
    { weight: 1, arbitrary: step.map((s) => `*/${s}`) },
    { weight: 1, arbitrary: step.map((s) => `/${s}`) },
    { weight: 4, arbitrary: plainEntry(min, max, names) },
    {
      weight: 2,
      arbitrary: fc.array(plainEntry(min, max, names), { minLength: 2, maxLength: 3 }).map((e) => e.join(',')),
    },
  );
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const day = fc.oneof(
  { weight: 4, arbitrary: plain(1, 31) },
  { weight: 1, arbitrary: fc.constantFrom('L', 'LW') },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 28 }).map((d) => `${d}W`) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 27 }).map((d) => `L-${d}`) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 }).map((d) => `L-${d}W`) },
);
const weekday = fc.oneof(
  { weight: 4, arbitrary: plain(1, 7, WEEKDAYS) },
  { weight: 1, arbitrary: fc.constant('L') },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 7 }).map((d) => `${d}L`) },
  { weight: 1, arbitrary: fc.constantFrom(...WEEKDAYS).map((d) => `${d}L`) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 5 })).map(([d, n]) => `${d}#${n}`),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...WEEKDAYS), fc.integer({ min: 1, max: 5 })).map(([d, n]) => `${d}#${n}`),
  },
);
const year = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' *', ' 2025-2090', ' 2000/3', ' 2030,2031,2060', ' 2020-2080/7') },
);
const expression = fc
  .tuple(
    fc.oneof(fc.constant('0'), plain(0, 59)),
    plain(0, 59),
    plain(0, 23),
    fc.oneof(
      day.map((d) => [d, '?']),
      weekday.map((w) => ['?', w]),
    ),
    plain(1, 12, MONTHS),
    year,
  )
  .map(([s, m, h, [dom, dow], month, y]) => `${s} ${m} ${h} ${dom} ${month} ${dow}${y}`);

/**
 * Whole seconds: of other instants Quartz may lose a `W` fire in the same second, depending on the millisecond
 * at which it is asked (its calendar of the candidate day keeps those of the present).
 */
function secondBetween(from: number, to: number): fc.Arbitrary<number> {
  const [min, max] = [Date.UTC(from, 0, 1) / 1000, Date.UTC(to, 0, 1) / 1000];
  return fc.integer({ min, max }).map((second) => second * 1000);
}

function ours(q: Question): SearchableSchedule | string {
  try {
    return compileSchedule({ type: 'cron', expression: q.expression, dialect: 'quartz' }, { timeZone: q.zone });
  } catch (error) {
    if (error instanceof ValidationError) return error.violations[0]?.message ?? 'refused';
    throw error;
  }
}

interface Comparison {
  readonly compared: number;
  readonly refusedByUs: readonly string[];
  readonly differences: readonly string[];
}

function compare(
  questions: readonly Question[],
  isComparable: (q: Question, after: number, next: number) => boolean,
): Comparison {
  const answers = askQuartz(questions);
  expect(answers).toHaveLength(questions.length);
  const refusedByUs: string[] = [];
  const differences: string[] = [];
  let compared = 0;
  questions.forEach((q, i) => {
    const theirs = answers[i] ?? 'no answer';
    const compiled = ours(q);
    if (typeof compiled === 'string') {
      if (typeof theirs !== 'string' && theirs.some((at) => at !== null))
        refusedByUs.push(`${q.expression}: ${compiled}`);
      return;
    }
    q.instants.forEach((after, n) => {
      const expected = typeof theirs === 'string' ? theirs : (theirs[n] ?? null);
      const found = compiled.next(after);
      if (typeof expected === 'number' && !isComparable(q, after, expected)) return;
      // Quartz gives up a hundred years from today.
      if (expected === null && found !== null && found > Date.UTC(2090, 0, 1)) return;
      compared++;
      if (found !== expected)
        differences.push(`${q.expression} ${q.zone} after ${after}: ${found} instead of ${expected}`);
    });
  });
  return { compared, refusedByUs, differences };
}

const reason = missing();
if (reason !== null) console.warn(`Not compared with Quartz, because this machine lacks ${reason}.`);

describe.skipIf(reason !== null)('the Quartz dialect, against Quartz 2.3.2', () => {
  it('has the same next fires in UTC', () => {
    const instants = fc.array(secondBetween(2000, 2070), {
      minLength: 2,
      maxLength: 2,
    });
    const questions = fc.sample(fc.record({ expression, zone: fc.constant('UTC'), instants }), {
      seed: SEED,
      numRuns: 20_000,
    });
    const { compared, refusedByUs, differences } = compare(questions, () => true);
    expect(differences.slice(0, 20)).toEqual([]);
    expect(refusedByUs.slice(0, 20)).toEqual([]);
    expect(compared).toBeGreaterThan(35_000);
  });

  it('has the same next fires in zones with clock changes, away from these', () => {
    const zones = ['America/New_York', 'Europe/Berlin', 'Asia/Kathmandu', 'Asia/Shanghai', 'America/Phoenix'];
    const changes = new Map(
      zones.map((zone) => [zone, new WallClock(zone).changes(Date.UTC(2020, 0, 1), Date.UTC(2031, 0, 1))]),
    );
    const instants = fc.array(secondBetween(2021, 2029), {
      minLength: 2,
      maxLength: 2,
    });
    const questions = fc.sample(fc.record({ expression, zone: fc.constantFrom(...zones), instants }), {
      seed: SEED + 1,
      numRuns: 5000,
    });
    const isAway = (q: Question, after: number, next: number): boolean =>
      next < Date.UTC(2030, 0, 1) &&
      !(changes.get(q.zone) ?? []).some((change) => change > after - DAY && change < next + DAY);
    const { compared, differences } = compare(questions, isAway);
    expect(differences.slice(0, 20)).toEqual([]);
    expect(compared).toBeGreaterThan(5000);
  });

  it('does not repeat the accidents of Quartz', () => {
    const zone = 'UTC';
    const april = Date.parse('2021-04-05T00:00:00Z');
    const questions: Question[] = [
      // April has no 31st: Quartz looks at 1 May, a Saturday, and goes back one day from there.
      { expression: '0 0 0 31W * ?', zone, instants: [april] },
      // A step after a name is dropped, and a step of 0 fires once.
      { expression: '0 0 0 ? * MON/2', zone, instants: [april] },
      { expression: '0 0/0 0 * * ?', zone, instants: [april] },
    ];
    const iso = (at: number | null | undefined): string => new Date(at ?? NaN).toISOString();
    expect(askQuartz(questions).map((answer) => (typeof answer === 'string' ? answer : iso(answer[0])))).toEqual([
      '2021-04-30T00:00:00.000Z',
      '2021-04-12T00:00:00.000Z',
      '2021-04-06T00:00:00.000Z',
    ]);
    const answers = questions.map((q) => {
      const compiled = ours(q);
      return typeof compiled === 'string' ? compiled : iso(compiled.next(q.instants[0] ?? NaN));
    });
    expect(answers).toEqual([
      '2021-05-31T00:00:00.000Z',
      "'MON/2' in the day-of-week field has a step after a name, which Quartz ignores",
      "'0/0' in the minute field has a step out of range",
    ]);
  });
});
