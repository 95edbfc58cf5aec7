import { describe, expect, it } from 'vitest';
import { compileSchedule } from '../../../src/domain/time/schedule.js';
import { refusalOf } from './refusal.js';
import { WallClock } from './wall-clock.js';

const ZONE = 'America/New_York';
const START = '1997-09-02T09:00:00';

/** Fires from the start on, as local `YYYY-MM-DD`, with the time where it is not 09:00. */
function fires(rrule: string, count: number, dtstart = START): string[] {
  const compiled = compileSchedule({ type: 'rrule', rrule, dtstart }, { timeZone: ZONE });
  const clock = new WallClock(ZONE);
  return compiled.preview(Date.parse('1996-01-01T00:00:00Z'), count).map((at) => {
    const text = new Date(clock.localAt(at)).toISOString();
    return text.slice(11, 16) === '09:00' ? text.slice(0, 10) : text.slice(0, 16);
  });
}

/** `1997 Sep 2,9 Oct 1` as in RFC 5545, page 123 ff. */
function dates(text: string): string[] {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  let year = '';
  let month = '';
  const found: string[] = [];
  for (const word of text.split(' ')) {
    if (/^\d{4}$/.test(word)) year = word;
    else if (months.includes(word)) month = String(months.indexOf(word) + 1).padStart(2, '0');
    else found.push(...word.split(',').map((day) => `${year}-${month}-${day.padStart(2, '0')}`));
  }
  return found;
}

describe('the examples of RFC 5545, 3.8.5.3', () => {
  it.each([
    ['FREQ=DAILY;COUNT=10', '1997 Sep 2,3,4,5,6,7,8,9,10,11'],
    ['FREQ=DAILY;INTERVAL=2', '1997 Sep 2,4,6,8,10,12,14,16,18,20'],
    ['FREQ=DAILY;INTERVAL=10;COUNT=5', '1997 Sep 2,12,22 Oct 2,12'],
    ['FREQ=WEEKLY;COUNT=10', '1997 Sep 2,9,16,23,30 Oct 7,14,21,28 Nov 4'],
    ['FREQ=WEEKLY;INTERVAL=2;WKST=SU', '1997 Sep 2,16,30 Oct 14,28 Nov 11,25 Dec 9,23 1998 Jan 6'],
    ['FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH', '1997 Sep 2,4,9,11,16,18,23,25,30 Oct 2'],
    ['FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH', '1997 Sep 2,4,16,18,30 Oct 2,14,16'],
    ['FREQ=MONTHLY;BYMONTHDAY=-3', '1997 Sep 28 Oct 29 Nov 28 Dec 29 1998 Jan 29 Feb 26'],
    ['FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15', '1997 Sep 2,15 Oct 2,15 Nov 2,15 Dec 2,15 1998 Jan 2,15'],
    ['FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1', '1997 Sep 30 Oct 1,31 Nov 1,30 Dec 1,31 1998 Jan 1,31 Feb 1'],
    [
      'FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15',
      '1997 Sep 10,11,12,13,14,15 1999 Mar 10,11,12,13',
    ],
    ['FREQ=MONTHLY;INTERVAL=2;BYDAY=TU', '1997 Sep 2,9,16,23,30 Nov 4,11,18,25 1998 Jan 6'],
    [
      'FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200',
      '2000 Jan 1 Apr 9 Jul 18 2003 Jan 1 Apr 10 Jul 19 2006 Jan 1',
    ],
    ['FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3', '1997 Sep 4 Oct 7 Nov 6 Dec 4 1998 Jan 7'],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2', '1997 Sep 29 Oct 30 Nov 27 Dec 30 1998 Jan 29'],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', '1998 Feb 13 Mar 13 Nov 13 1999 Aug 13 2000 Oct 13'],
    ['FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13', '1997 Sep 13 Oct 11 Nov 8 Dec 13 1998 Jan 10'],
    ['FREQ=YEARLY;BYMONTH=6,7,8;BYDAY=TH', '1998 Jun 4,11,18,25 Jul 2,9,16,23,30 Aug 6'],
  ])('%s', (rrule, expected) => {
    const list = dates(expected);
    expect(fires(rrule, list.length)).toEqual(list);
  });

  it.each([
    ['FREQ=YEARLY;BYDAY=20MO', '1997-05-19T09:00:00', '1997 May 19 1998 May 18 1999 May 17'],
    ['FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', '1997-05-12T09:00:00', '1997 May 12 1998 May 11 1999 May 17'],
    ['FREQ=YEARLY;BYMONTH=3;BYDAY=TH', '1997-03-13T09:00:00', '1997 Mar 13,20,27 1998 Mar 5,12,19,26'],
    ['FREQ=YEARLY;COUNT=10;BYMONTH=6,7', '1997-06-10T09:00:00', '1997 Jun 10 Jul 10 1998 Jun 10 Jul 10 1999 Jun 10'],
    ['FREQ=MONTHLY;COUNT=10;BYDAY=1FR', '1997-09-05T09:00:00', '1997 Sep 5 Oct 3 Nov 7 Dec 5 1998 Jan 2'],
    ['FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU', '1997-09-07T09:00:00', '1997 Sep 7,28 Nov 2,30 1998 Jan 4,25'],
    ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO', '1997-08-05T09:00:00', '1997 Aug 5,10,19,24'],
    ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU', '1997-08-05T09:00:00', '1997 Aug 5,17,19,31'],
    [
      'FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8',
      '1996-11-05T09:00:00',
      '1996 Nov 5 2000 Nov 7 2004 Nov 2',
    ],
    ['FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5', '2007-01-15T09:00:00', '2007 Jan 15,30 Feb 15 Mar 15,30'],
  ])('%s from %s', (rrule, dtstart, expected) => {
    const list = dates(expected);
    expect(fires(rrule, list.length, dtstart)).toEqual(list);
  });

  it('repeats within the day', () => {
    expect(fires('FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z', 9)).toEqual([
      '1997-09-02',
      '1997-09-02T12:00',
      '1997-09-02T15:00',
    ]);
    expect(fires('FREQ=MINUTELY;INTERVAL=90;COUNT=4', 9)).toEqual([
      '1997-09-02',
      '1997-09-02T10:30',
      '1997-09-02T12:00',
      '1997-09-02T13:30',
    ]);
    expect(fires('FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20,40', 5)).toEqual([
      '1997-09-02',
      '1997-09-02T09:20',
      '1997-09-02T09:40',
      '1997-09-02T10:00',
      '1997-09-02T10:20',
    ]);
  });
});

describe('recurrence', () => {
  it('adds and removes dates', () => {
    const rrule =
      'RRULE:FREQ=DAILY;COUNT=4\nRDATE:19970910T100000,19970912\nEXDATE;TZID=America/New_York:19970903T090000';
    expect(fires(rrule, 9)).toEqual(['1997-09-02', '1997-09-04', '1997-09-05', '1997-09-10T10:00', '1997-09-12']);
    expect(fires('RDATE:19970903T130000Z', 9)).toEqual(['1997-09-02', '1997-09-03']);
  });

  it('keeps 09:00 through clock changes and fires a missing time after the gap', () => {
    expect(fires('FREQ=DAILY;COUNT=3', 3, '1998-04-04T02:30:00')).toEqual([
      '1998-04-04T02:30',
      '1998-04-05T03:00',
      '1998-04-06T02:30',
    ]);
    expect(fires('FREQ=HOURLY;COUNT=4', 9, '1997-10-26T00:30:00')).toHaveLength(5);
  });

  it('ends: COUNT and UNTIL are inclusive', () => {
    expect(fires('FREQ=DAILY;UNTIL=19970904', 9)).toHaveLength(3);
    expect(fires('FREQ=DAILY;UNTIL=19970904T090000', 9)).toHaveLength(3);
    expect(fires('FREQ=DAILY;UNTIL=19970904T085959', 9)).toHaveLength(2);
    expect(fires('FREQ=DAILY;COUNT=2', 9)).toHaveLength(2);
  });

  it.each([
    ['', 'no rule'],
    ['INTERVAL=2', 'FREQ is missing'],
    ['FREQ=FORTNIGHTLY', "'FORTNIGHTLY' in FREQ"],
    ['FREQ=DAILY;INTERVAL=0', "'0' in INTERVAL"],
    ['FREQ=DAILY;BYHOUR=24', "'24' in BYHOUR"],
    ['FREQ=DAILY;BYMONTH=0', "'0' in BYMONTH"],
    ['FREQ=DAILY;BYEASTER=1', "'BYEASTER'"],
    ['FREQ=DAILY;COUNT=2;UNTIL=20300101', 'exclude each other'],
    ['FREQ=DAILY;UNTIL=20300230', "'20300230' in UNTIL"],
    ['FREQ=DAILY;FREQ=DAILY', 'given twice'],
    ['FREQ=DAILY\nFREQ=WEEKLY', 'second rule'],
    ['DTSTART:20300101T000000\nRRULE:FREQ=DAILY', "'DTSTART' is not understood here"],
    ['RDATE:2030', "'2030' is not a date"],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'never matches'],
  ])('refuses %j: %s', (rrule, message) => {
    const refusal = refusalOf(() => fires(rrule, 1));
    expect(refusal).toMatchObject({ code: 'CJ_SCHEDULE_INVALID', field: 'rrule' });
    expect(refusal.message).toContain(message);
  });
});
