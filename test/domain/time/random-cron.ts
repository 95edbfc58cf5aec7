import fc from 'fast-check';

/** Random cron fields that both readers and the oracles of the tests understand. */

function entry(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: Math.max(max - min, 1) });
  return fc.oneof(
    { weight: 4, arbitrary: value.map(String) },
    { weight: 2, arbitrary: range },
    { weight: 1, arbitrary: fc.tuple(range, step).map(([r, s]) => `${r}/${s}`) },
    { weight: 1, arbitrary: step.map((s) => `*/${s}`) },
    ...(names.length > 0 ? [{ weight: 1, arbitrary: fc.constantFrom(...names) }] : []),
  );
}

function field(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant('*') },
    { weight: 5, arbitrary: entry(min, max, names) },
    { weight: 2, arbitrary: fc.array(entry(min, max, names), { minLength: 2, maxLength: 3 }).map((e) => e.join(',')) },
  );
}

export const minuteField = field(0, 59);
export const hourField = field(0, 23);
export const dayField = field(1, 31);
/** Never only months that lack a day: every month is possible with `*`, else at least one of 31 days. */
export const monthField = fc.oneof(
  { weight: 4, arbitrary: fc.constant('*') },
  fc.constantFrom('1', 'JAN', '3,5', '7-8', '*/2', '10-12', '1-12/3', 'DEC'),
);
export const unixWeekdayField = field(0, 6, ['SUN', 'MON', 'SAT', '7']);

/** Five fields that fire at least once a year. */
export const unixExpression = fc
  .tuple(minuteField, hourField, dayField, monthField, unixWeekdayField)
  .map((fields) => fields.join(' '));
