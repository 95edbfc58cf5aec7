import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSchedule } from '../../../src/domain/time/schedule.js';
import { unixExpression } from './random-cron.js';
import { WallClock } from './wall-clock.js';

/** Unix expressions against two readers of others, away from clock changes, where theirs and ours agree on purpose. */

const DAY = 86_400_000;
const ZONES = ['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kolkata'];
const YEARS = [Date.UTC(2021, 0, 1), Date.UTC(2029, 0, 1)] as const;
const changes = new Map(ZONES.map((zone) => [zone, new WallClock(zone).changes(YEARS[0], YEARS[1] + 366 * DAY)]));

// The readers differ on purpose where a step such as */1 meets a second day field: is it a restriction or not?
function areDaysPlain(expression: string): boolean {
  const [, , day = '', , weekday = ''] = expression.split(' ');
  return day === '*' || weekday === '*' || !(day + weekday).includes('*');
}

const question = fc
  .record({
    expression: unixExpression.filter(areDaysPlain),
    zone: fc.constantFrom(...ZONES),
    after: fc.integer({ min: YEARS[0] / 1000, max: YEARS[1] / 1000 }).map((second) => second * 1000),
  })
  .map((fields) => ({
    ...fields,
    next: compileSchedule({ type: 'cron', expression: fields.expression }, { timeZone: fields.zone }).next(
      fields.after,
    ),
  }))
  .filter(({ zone, after, next }) => {
    const isDisturbed = (change: number): boolean => change > after - DAY && change < (next ?? Infinity) + DAY;
    return next !== null && next < YEARS[1] && !(changes.get(zone) ?? []).some(isDisturbed);
  });

describe('unix cron, against other readers', () => {
  it('has the same next fires as croner', () => {
    fc.assert(
      fc.property(question, ({ expression, zone, after, next }) => {
        const theirs = new Cron(expression, { timezone: zone, fixedTimeRule: 'no-wildcard', paused: true });
        expect(theirs.nextRun(new Date(after))?.getTime()).toBe(next);
      }),
      { numRuns: 2000 },
    );
  });

  it('has the same next fires as cron-parser', () => {
    fc.assert(
      fc.property(question, ({ expression, zone, after, next }) => {
        const options = { tz: zone, currentDate: new Date(after) };
        const theirs = parsedBy(() => CronExpressionParser.parse(expression, options));
        fc.pre(theirs !== null);
        expect(theirs.next().getTime()).toBe(next);
      }),
      { numRuns: 2000 },
    );
  });
});

/** cron-parser refuses lists such as `1,1`, which say a value twice. */
function parsedBy<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Error && error.message.includes('duplicate values')) return null;
    throw error;
  }
}

describe('clock changes, against croner', () => {
  it.each([
    'America/New_York',
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'America/Sao_Paulo',
    'America/Havana',
    'Antarctica/Troll',
  ])('has the same fires around them in %s', (zone) => {
    for (const change of new WallClock(zone).changes(Date.UTC(2014, 0, 1), Date.UTC(2019, 0, 1))) {
      for (const expression of [
        '0 0 * * *',
        '30 0 * * *',
        '15 1 * * *',
        '45 1 * * *',
        '30 2 * * *',
        '*/20 * * * *',
        '15 */3 * * *',
      ]) {
        const theirs = new Cron(expression, { timezone: zone, fixedTimeRule: 'no-wildcard', paused: true });
        const from = Math.floor((change - DAY) / 1000) * 1000;
        const expected = theirs.nextRuns(160, new Date(from)).map((run) => run.getTime());
        const ours = compileSchedule({ type: 'cron', expression }, { timeZone: zone }).between(
          from + 1,
          from + 2 * DAY,
          500,
        );
        expect({ expression, change, fires: ours }).toEqual({
          expression,
          change,
          fires: expected.filter((at) => at < from + 2 * DAY),
        });
      }
    }
  });
});
