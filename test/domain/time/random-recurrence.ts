import fc from 'fast-check';

/** Recurrences that mean something: every part within RFC 5545's table of what goes with which frequency. */

const list = (min: number, max: number, most = 4): fc.Arbitrary<string> =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: most }).map((values) => values.join(','));
const signed = (max: number): fc.Arbitrary<string> =>
  fc
    .uniqueArray(
      fc.integer({ min: -max, max }).filter((v) => v !== 0),
      { minLength: 1, maxLength: 4 },
    )
    .map((values) => values.join(','));
const weekday = fc.constantFrom('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU');
const weekdays = fc.uniqueArray(weekday, { minLength: 1, maxLength: 5 }).map((days) => days.join(','));
const numbered = (max: number): fc.Arbitrary<string> =>
  fc
    .uniqueArray(
      fc.tuple(
        fc.integer({ min: -max, max }).filter((v) => v !== 0),
        weekday,
      ),
      { minLength: 1, maxLength: 3, selector: (pair) => pair.join('') },
    )
    .map((days) => days.map((pair) => pair.join('')).join(','));

type Parts = Readonly<Record<string, fc.Arbitrary<string>>>;

const TIME: Parts = { BYHOUR: list(0, 23), BYMINUTE: list(0, 59), BYSECOND: list(0, 59) };
const PARTS: Readonly<Record<string, Parts>> = {
  SECONDLY: { ...TIME, BYMONTH: list(1, 12), BYMONTHDAY: signed(31), BYDAY: weekdays, BYYEARDAY: signed(366) },
  MINUTELY: { ...TIME, BYMONTH: list(1, 12), BYMONTHDAY: signed(31), BYDAY: weekdays, BYYEARDAY: signed(366) },
  HOURLY: { ...TIME, BYMONTH: list(1, 12), BYMONTHDAY: signed(31), BYDAY: weekdays, BYYEARDAY: signed(366) },
  DAILY: { ...TIME, BYMONTH: list(1, 12), BYMONTHDAY: signed(31), BYDAY: weekdays },
  WEEKLY: { ...TIME, BYMONTH: list(1, 12), BYDAY: weekdays, WKST: weekday },
  MONTHLY: { ...TIME, BYMONTH: list(1, 12), BYMONTHDAY: signed(31), BYDAY: fc.oneof(weekdays, numbered(5)) },
  YEARLY: {
    ...TIME,
    BYMONTH: list(1, 12),
    BYMONTHDAY: signed(31),
    BYYEARDAY: signed(366),
    BYDAY: fc.oneof(weekdays, numbered(53)),
  },
};

function rulesOf(frequency: string, parts: Parts): fc.Arbitrary<string> {
  const names = Object.keys(parts);
  const interval = fc
    .oneof(fc.constant(1), fc.integer({ min: 2, max: 40 }), fc.integer({ min: 2, max: 20_000 }))
    .map(String);
  return fc
    .record<Record<string, string>>({ ...parts, interval, positions: signed(4) })
    .chain((values) => fc.tuple(fc.constant(values), fc.subarray(names, { maxLength: 3 }), fc.boolean()))
    .map(([values, chosen, isPicked]) => {
      const hasBy = chosen.some((name) => name.startsWith('BY'));
      return [
        `FREQ=${frequency}`,
        ...(values.interval === '1' ? [] : [`INTERVAL=${values.interval ?? ''}`]),
        ...chosen.map((name) => `${name}=${values[name] ?? ''}`),
        ...(isPicked && hasBy ? [`BYSETPOS=${values.positions ?? ''}`] : []),
      ].join(';');
    });
}

const weeksOfYear: fc.Arbitrary<string> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), signed(53), fc.option(weekdays), weekday)
  .map(([interval, weeks, days, start]) =>
    [
      `FREQ=YEARLY;INTERVAL=${interval};BYWEEKNO=${weeks};WKST=${start}`,
      ...(days === null ? [] : [`BYDAY=${days}`]),
    ].join(';'),
  );

export const recurrence: fc.Arbitrary<string> = fc.oneof(
  ...Object.entries(PARTS).map(([frequency, parts]) => rulesOf(frequency, parts)),
  weeksOfYear,
);
