import { describe, expect, it } from 'vitest';
import { compileSchedule, type DstGap, type DstOverlap } from '../../../src/domain/time/schedule.js';
import { WallClock } from './wall-clock.js';

interface Rule {
  readonly dstGap?: DstGap;
  readonly dstOverlap?: DstOverlap;
}

/** Fires between two instants as `local offset`, e.g. `11-02 01:30 -4`. */
function fires(zone: string, expression: string, [from, to]: [string, string], rule: Rule = {}): string[] {
  const compiled = compileSchedule({ type: 'cron', expression }, { timeZone: zone, ...rule });
  const clock = new WallClock(zone);
  return compiled.between(Date.parse(from), Date.parse(to), 1000).map((at) => {
    const local = clock.localAt(at);
    const text = new Date(local).toISOString();
    return `${text.slice(5, 10)} ${text.slice(11, 16)} ${(local - at) / 3_600_000}`;
  });
}

const NEW_YORK = 'America/New_York';
const GAP_2025: [string, string] = ['2025-03-08T12:00:00Z', '2025-03-10T12:00:00Z'];
const OVERLAP_2025: [string, string] = ['2025-11-02T03:50:00Z', '2025-11-03T05:00:00Z'];
const LORD_HOWE = 'Australia/Lord_Howe';
const LORD_HOWE_GAP: [string, string] = ['2025-10-04T13:30:00Z', '2025-10-05T15:15:00Z'];
const LORD_HOWE_OVERLAP: [string, string] = ['2025-04-05T13:10:00Z', '2025-04-06T15:00:00Z'];

describe('New York, a gap of an hour', () => {
  it('fires a fixed time that does not exist at the first instant after the gap', () => {
    expect(fires(NEW_YORK, '30 2 * * *', GAP_2025)).toEqual(['03-09 03:00 -4', '03-10 02:30 -4']);
  });

  it('fires later by the length of the gap, or not at all, where asked to', () => {
    expect(fires(NEW_YORK, '30 2 * * *', GAP_2025, { dstGap: 'shift' })).toEqual(['03-09 03:30 -4', '03-10 02:30 -4']);
    expect(fires(NEW_YORK, '30 2 * * *', GAP_2025, { dstGap: 'skip' })).toEqual(['03-10 02:30 -4']);
  });

  it('fires once where several times fall into the gap, and once where one of them is its end', () => {
    expect(fires(NEW_YORK, '15,45 2 * * *', GAP_2025)[0]).toBe('03-09 03:00 -4');
    expect(fires(NEW_YORK, '15,45 2 * * *', GAP_2025)).toHaveLength(3);
    expect(fires(NEW_YORK, '0 2,3 * * *', GAP_2025).slice(0, 2)).toEqual(['03-09 03:00 -4', '03-10 02:00 -4']);
    expect(fires(NEW_YORK, '15,45 2 * * *', GAP_2025, { dstGap: 'shift' }).slice(0, 2)).toEqual([
      '03-09 03:15 -4',
      '03-09 03:45 -4',
    ]);
  });

  it('lets steps follow elapsed time: nothing is doubled or late', () => {
    const half: [string, string] = ['2025-03-09T06:00:00Z', '2025-03-09T08:00:00Z'];
    expect(fires(NEW_YORK, '*/30 * * * *', half)).toEqual([
      '03-09 01:00 -5',
      '03-09 01:30 -5',
      '03-09 03:00 -4',
      '03-09 03:30 -4',
    ]);
    expect(fires(NEW_YORK, '*/20 2 * * *', half)).toEqual([]);
    expect(fires(NEW_YORK, '*/20 2 * * *', half, { dstGap: 'next' })).toEqual(['03-09 03:00 -4']);
  });
});

describe('New York, an overlap of an hour', () => {
  it('fires a fixed time at its first pass', () => {
    expect(fires(NEW_YORK, '30 1 * * *', OVERLAP_2025)).toEqual(['11-02 01:30 -4']);
  });

  it('fires at the second pass or at both where asked to', () => {
    expect(fires(NEW_YORK, '30 1 * * *', OVERLAP_2025, { dstOverlap: 'second' })).toEqual(['11-02 01:30 -5']);
    expect(fires(NEW_YORK, '30 1 * * *', OVERLAP_2025, { dstOverlap: 'both' })).toEqual([
      '11-02 01:30 -4',
      '11-02 01:30 -5',
    ]);
  });

  it('lets steps follow elapsed time through both passes, without an hour of silence', () => {
    const hours: [string, string] = ['2025-11-02T05:00:00Z', '2025-11-02T07:30:00Z'];
    expect(fires(NEW_YORK, '*/30 * * * *', hours)).toEqual([
      '11-02 01:00 -4',
      '11-02 01:30 -4',
      '11-02 01:00 -5',
      '11-02 01:30 -5',
      '11-02 02:00 -5',
    ]);
    expect(fires(NEW_YORK, '*/30 * * * *', hours, { dstOverlap: 'first' })).toEqual([
      '11-02 01:00 -4',
      '11-02 01:30 -4',
      '11-02 02:00 -5',
    ]);
    expect(fires(NEW_YORK, '*/30 * * * *', hours, { dstOverlap: 'second' })).toEqual([
      '11-02 01:00 -5',
      '11-02 01:30 -5',
      '11-02 02:00 -5',
    ]);
  });
});

describe('Lord Howe, half an hour', () => {
  it('fires a missing time at 02:30 and never early', () => {
    expect(fires(LORD_HOWE, '15 2 * * *', LORD_HOWE_GAP)).toEqual(['10-05 02:30 11']);
    expect(fires(LORD_HOWE, '15 2 * * *', LORD_HOWE_GAP, { dstGap: 'shift' })).toEqual(['10-05 02:45 11']);
    expect(fires(LORD_HOWE, '45 2 * * *', LORD_HOWE_GAP)).toEqual(['10-05 02:45 11']);
  });

  it('fires a repeated time once, and every step of both passes', () => {
    expect(fires(LORD_HOWE, '45 1 * * *', LORD_HOWE_OVERLAP)).toEqual(['04-06 01:45 11']);
    expect(fires(LORD_HOWE, '15 1 * * *', LORD_HOWE_OVERLAP)).toEqual(['04-06 01:15 11', '04-07 01:15 10.5']);
    const hours: [string, string] = ['2025-04-05T14:30:00Z', '2025-04-05T16:00:00Z'];
    expect(fires(LORD_HOWE, '*/15 * * * *', hours)).toEqual([
      '04-06 01:30 11',
      '04-06 01:45 11',
      '04-06 01:30 10.5',
      '04-06 01:45 10.5',
      '04-06 02:00 10.5',
      '04-06 02:15 10.5',
    ]);
    expect(fires(LORD_HOWE, '0 * * * *', hours)).toEqual(['04-06 02:00 10.5']);
  });
});

describe('clock changes elsewhere', () => {
  it.each<[string, string, [string, string], string[]]>([
    // A gap from midnight to one: the day is not lost.
    [
      'America/Sao_Paulo',
      '0 0 * * *',
      ['2018-11-03T12:00:00Z', '2018-11-05T12:00:00Z'],
      ['11-04 01:00 -2', '11-05 00:00 -2'],
    ],
    ['Africa/Cairo', '0 0 * * *', ['2024-04-25T12:00:00Z', '2024-04-26T20:00:00Z'], ['04-26 01:00 3']],
    ['Asia/Beirut', '0 0 * * *', ['2024-03-30T12:00:00Z', '2024-03-31T20:00:00Z'], ['03-31 01:00 3']],
    ['America/Havana', '0 0 * * *', ['2024-03-09T12:00:00Z', '2024-03-10T20:00:00Z'], ['03-10 01:00 -4']],
    ['America/Santiago', '0 0 * * *', ['2024-09-07T12:00:00Z', '2024-09-08T20:00:00Z'], ['09-08 01:00 -3']],
    ['America/Asuncion', '0 0 * * *', ['2023-09-30T12:00:00Z', '2023-10-01T20:00:00Z'], ['10-01 01:00 -3']],
    ['Asia/Tehran', '0 0 * * *', ['2021-03-21T12:00:00Z', '2021-03-22T18:00:00Z'], ['03-22 01:00 4.5']],
    // An overlap of the hour after midnight: the first midnight only.
    ['America/Havana', '0 0 * * *', ['2024-11-02T12:00:00Z', '2024-11-03T20:00:00Z'], ['11-03 00:00 -4']],
    ['Asia/Tehran', '30 23 * * *', ['2022-09-21T12:00:00Z', '2022-09-22T12:00:00Z'], ['09-21 23:30 4.5']],
    // A day left out, and one that was not: midnight of 30 December 2011 never came in Apia.
    [
      'Pacific/Apia',
      '0 12 * * *',
      ['2011-12-29T00:00:00Z', '2011-12-31T12:00:00Z'],
      ['12-29 12:00 -10', '12-31 12:00 14'],
    ],
    ['Pacific/Apia', '0 12 30 * *', ['2011-12-20T00:00:00Z', '2012-01-29T00:00:00Z'], []],
    ['Pacific/Apia', '0 0 * * *', ['2011-12-29T11:00:00Z', '2011-12-31T00:00:00Z'], ['12-31 00:00 14']],
    // A gap up to midnight: the fire of the 4th comes with the first instant of the 5th.
    ['Asia/Pyongyang', '45 23 * * *', ['2018-05-04T12:00:00Z', '2018-05-05T12:00:00Z'], ['05-05 00:00 9']],
    ['Asia/Pyongyang', '15 23 * * *', ['2018-05-04T12:00:00Z', '2018-05-05T12:00:00Z'], ['05-04 23:15 8.5']],
    ['America/Caracas', '45 2 * * *', ['2016-05-01T00:00:00Z', '2016-05-01T20:00:00Z'], ['05-01 03:00 -4']],
    ['America/Caracas', '30 2 * * *', ['2016-05-01T00:00:00Z', '2016-05-01T20:00:00Z'], ['05-01 03:00 -4']],
    ['America/Caracas', '15 2 * * *', ['2016-05-01T00:00:00Z', '2016-05-01T20:00:00Z'], ['05-01 02:15 -4.5']],
    ['Pacific/Chatham', '50 2 * * *', ['2025-09-27T00:00:00Z', '2025-09-27T20:00:00Z'], ['09-28 03:45 13.75']],
    ['Pacific/Chatham', '50 2 * * *', ['2025-04-05T00:00:00Z', '2025-04-05T20:00:00Z'], ['04-06 02:50 13.75']],
    // Two hours.
    ['Antarctica/Troll', '30 1 * * *', ['2025-03-29T12:00:00Z', '2025-03-30T20:00:00Z'], ['03-30 03:00 2']],
    ['Antarctica/Troll', '30 2 * * *', ['2025-10-25T12:00:00Z', '2025-10-26T20:00:00Z'], ['10-26 02:30 2']],
    // Dublin's winter time is the one that zone data calls saving; Casablanca's summer time ends for Ramadan.
    ['Europe/Dublin', '30 1 * * *', ['2025-03-29T12:00:00Z', '2025-03-30T20:00:00Z'], ['03-30 02:00 1']],
    ['Europe/Dublin', '30 1 * * *', ['2025-10-25T12:00:00Z', '2025-10-26T20:00:00Z'], ['10-26 01:30 1']],
    ['Africa/Casablanca', '30 2 * * *', ['2025-02-22T12:00:00Z', '2025-02-23T20:00:00Z'], ['02-23 02:30 1']],
    ['Africa/Casablanca', '30 2 * * *', ['2025-04-05T12:00:00Z', '2025-04-06T20:00:00Z'], ['04-06 03:00 1']],
    ['Africa/Juba', '30 23 * * *', ['2021-01-31T12:00:00Z', '2021-02-01T12:00:00Z'], ['01-31 23:30 3']],
    ['America/Nuuk', '30 22 * * *', ['2024-03-30T12:00:00Z', '2024-03-31T12:00:00Z'], ['03-30 22:30 -2']],
    ['America/Nuuk', '30 23 * * *', ['2024-03-30T12:00:00Z', '2024-03-31T12:00:00Z'], ['03-31 00:00 -1']],
    ['America/Mexico_City', '30 2 * * *', ['2023-04-01T12:00:00Z', '2023-04-02T20:00:00Z'], ['04-02 02:30 -6']],
    ['Asia/Kathmandu', '0 0 * * *', ['2025-06-01T00:00:00Z', '2025-06-02T00:00:00Z'], ['06-02 00:00 5.75']],
  ])('fires in %s by %j between %j as expected', (zone, expression, range, expected) => {
    expect(fires(zone, expression, range)).toEqual(expected);
  });

  it.each(['next', 'shift', 'skip'] as const)('leaves out the lost day of Apia under the rule %j', (dstGap) => {
    const range: [string, string] = ['2011-12-29T12:00:00Z', '2011-12-31T12:00:00Z'];
    expect(fires('Pacific/Apia', '0 12 * * *', range, { dstGap })).toEqual(['12-29 12:00 -10', '12-31 12:00 14']);
  });

  it('gives both passes of a fire different instants', () => {
    const compiled = compileSchedule(
      { type: 'cron', expression: '30 1 * * *' },
      { timeZone: NEW_YORK, dstOverlap: 'both' },
    );
    const passes = compiled.between(Date.parse(OVERLAP_2025[0]), Date.parse(OVERLAP_2025[1]), 10);
    expect(passes).toEqual([Date.parse('2025-11-02T05:30:00Z'), Date.parse('2025-11-02T06:30:00Z')]);
  });
});
