import { describe, expect, it } from 'vitest';
import { CALENDAR_LIMITS, readCalendar } from '../../src/reminders/icalendar.js';
import type { Reminder } from '../../src/reminders/reminder.js';
import { aCalendar, anAlarm, anEvent } from './files.js';

function one(bytes: Uint8Array): Reminder {
  const { reminders, skipped } = readCalendar(bytes);
  expect(skipped).toEqual([]);
  expect(reminders).toHaveLength(1);
  return reminders[0] as Reminder;
}

describe('readCalendar', () => {
  it('reads an event whole, with folded and escaped text', () => {
    const reminder = one(
      aCalendar(
        ...anEvent(
          'UID:a-1',
          'SEQUENCE:3',
          'SUMMARY:Review\\, part',
          '  two',
          'DESCRIPTION:Line one\\nLine two',
          'LOCATION:Room 5',
          'DTEND;TZID=Europe/Berlin:20270104T103000',
        ),
      ),
    );
    expect(reminder).toEqual({
      id: 'a-1',
      uid: 'a-1',
      kind: 'event',
      title: 'Review, part two',
      body: 'Line one\nLine two',
      start: { local: '2027-01-04T09:00:00', timeZone: 'Europe/Berlin' },
      length: { days: 0, ms: 5_400_000 },
      alarms: null,
      sequence: 3,
      isCancelled: false,
      exdates: [],
      instances: [],
      data: { location: 'Room 5' },
    });
  });

  it.each([
    ['DTSTART;VALUE=DATE:20270104', { date: '2027-01-04' }],
    ['DTSTART:20270104T090000Z', { local: '2027-01-04T09:00:00', timeZone: 'UTC' }],
    ['DTSTART:20270104T090000', { local: '2027-01-04T09:00:00', timeZone: null }],
    ['DTSTART;TZID=Asia/Tokyo:20270104T090000', { local: '2027-01-04T09:00:00', timeZone: 'Asia/Tokyo' }],
    [
      'DTSTART;TZID="Eastern Standard Time":20270104T090000',
      { local: '2027-01-04T09:00:00', timeZone: 'America/New_York' },
    ],
    [
      'DTSTART;TZID=/citadel.org/20210210_1/America/Argentina/Salta:20270104T090000',
      { local: '2027-01-04T09:00:00', timeZone: 'America/Argentina/Salta' },
    ],
  ])('reads the start %s', (line, start) => {
    expect(one(aCalendar(...anEvent(line))).start).toEqual(start);
  });

  it('finds a zone by the location that its definition names', () => {
    const zone = ['BEGIN:VTIMEZONE', 'TZID:Customized 1', 'X-LIC-LOCATION:Europe/Paris', 'END:VTIMEZONE'];
    const event = anEvent('DTSTART;TZID=Customized 1:20270104T090000');
    expect(one(aCalendar(...zone, ...event)).start).toMatchObject({ timeZone: 'Europe/Paris' });
  });

  it('passes over an event in a zone that nobody knows, and reads the others', () => {
    const lost = anEvent('UID:lost', 'DTSTART;TZID=Mars/Base:20270104T090000');
    const { reminders, skipped } = readCalendar(aCalendar(...lost, ...anEvent()));
    expect(reminders.map(({ id }) => id)).toEqual(['meeting']);
    expect(skipped).toEqual([
      { uid: 'lost', title: 'Meeting', reason: 'unknown-time-zone', detail: expect.stringContaining('Mars/Base') },
    ]);
  });

  it.each([
    ['DTEND;TZID=Europe/Berlin:20270104T100000', { days: 0, ms: 3_600_000 }],
    ['DTEND;TZID=America/New_York:20270104T040000', { days: 0, ms: 3_600_000 }],
    ['DURATION:P1DT2H', { days: 1, ms: 7_200_000 }],
    ['DURATION:P2W', { days: 14, ms: 0 }],
  ])('reads the length from %s', (line, length) => {
    expect(one(aCalendar(...anEvent(line))).length).toEqual(length);
  });

  it('reads the days of an all-day event, whose end is exclusive', () => {
    const lines = ['DTSTART;VALUE=DATE:20270104', 'DTEND;VALUE=DATE:20270107'];
    expect(one(aCalendar(...anEvent(...lines))).length).toEqual({ days: 3, ms: 0 });
    expect(one(aCalendar(...anEvent('DTSTART;VALUE=DATE:20270104'))).length).toEqual({ days: 1, ms: 0 });
  });

  it.each<[string, string[], unknown]>([
    ['minutes before', anAlarm(':-PT15M'), [{ type: 'relative', relatedTo: 'start', days: 0, ms: -900_000 }]],
    ['a day before', anAlarm(':-P1D'), [{ type: 'relative', relatedTo: 'start', days: -1, ms: 0 }]],
    ['24 hours before', anAlarm(':-PT24H'), [{ type: 'relative', relatedTo: 'start', days: 0, ms: -86_400_000 }]],
    ['after the end', anAlarm(';RELATED=END:PT5M'), [{ type: 'relative', relatedTo: 'end', days: 0, ms: 300_000 }]],
    ['at once', anAlarm(':PT0S'), [{ type: 'relative', relatedTo: 'start', days: 0, ms: 0 }]],
    [
      'an instant',
      anAlarm(';VALUE=DATE-TIME:20270103T200000Z'),
      [{ type: 'absolute', at: Date.parse('2027-01-03T20:00:00Z') }],
    ],
    [
      'repeated',
      anAlarm(':-PT15M', 'REPEAT:2', 'DURATION:PT5M'),
      [-900_000, -600_000, -300_000].map((ms) => ({ type: 'relative', relatedTo: 'start', days: 0, ms })),
    ],
    [
      'acknowledged',
      anAlarm(':-PT15M', 'ACKNOWLEDGED:20270103T200000Z'),
      [
        {
          type: 'relative',
          relatedTo: 'start',
          days: 0,
          ms: -900_000,
          acknowledgedAt: Date.parse('2027-01-03T20:00:00Z'),
        },
      ],
    ],
    ['of no action', ['BEGIN:VALARM', 'ACTION:NONE', 'TRIGGER:-PT15M', 'END:VALARM'], []],
  ])('reads an alarm %s', (_case, alarm, alarms) => {
    expect(one(aCalendar(...anEvent(...alarm))).alarms).toEqual(alarms);
  });

  it('reads rule, further dates and excluded dates as times in the zone of the series', () => {
    const reminder = one(
      aCalendar(
        ...anEvent(
          'RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20271231T235959Z',
          'RDATE;TZID=Europe/Berlin:20270106T090000,20270107T090000',
          'EXDATE:20270111T080000Z',
          'EXDATE;VALUE=DATE:20270118',
          'EXDATE;TZID=America/New_York:20270125T030000',
        ),
      ),
    );
    expect(reminder.recurrence).toEqual([
      'RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20271231T235959Z',
      'RDATE:20270106T090000,20270107T090000',
    ]);
    expect(reminder.exdates).toEqual(['2027-01-11T09:00:00', '2027-01-18T09:00:00', '2027-01-25T09:00:00']);
  });

  it('joins a series with its moved and cancelled instances, the newest version of each', () => {
    const reminder = one(
      aCalendar(
        ...anEvent('RRULE:FREQ=WEEKLY', 'SEQUENCE:1', 'SUMMARY:Old'),
        ...anEvent('RRULE:FREQ=WEEKLY', 'SEQUENCE:2', 'SUMMARY:New'),
        ...anEvent('RECURRENCE-ID:20270111T080000Z', 'DTSTART;TZID=Europe/Berlin:20270112T140000', 'SEQUENCE:2'),
        ...anEvent('RECURRENCE-ID:20270111T080000Z', 'DTSTART;TZID=Europe/Berlin:20270113T140000', 'SEQUENCE:1'),
        ...anEvent('RECURRENCE-ID;TZID=Europe/Berlin:20270118T090000', 'STATUS:CANCELLED'),
      ),
    );
    expect(reminder).toMatchObject({
      title: 'New',
      sequence: 2,
      instances: [
        { replaces: '2027-01-11T09:00:00', isCancelled: false, start: { local: '2027-01-12T14:00:00' } },
        { replaces: '2027-01-18T09:00:00', isCancelled: true },
      ],
    });
  });

  it.each<[string, string[], string]>([
    ['an instance without its series', anEvent('RECURRENCE-ID:20270111T080000Z'), 'series-not-in-file'],
    ['a rule that fires every minute', anEvent('RRULE:FREQ=MINUTELY'), 'too-frequent'],
    [
      'a rule that fires every minute of a day in disguise',
      anEvent('RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6;BYMINUTE=0,10,20,30'),
      'too-frequent',
    ],
    ['two rules', anEvent('RRULE:FREQ=DAILY', 'RRULE:FREQ=WEEKLY'), 'not-supported'],
    [
      'this and all following instances',
      [...anEvent('RRULE:FREQ=DAILY'), ...anEvent('RECURRENCE-ID;RANGE=THISANDFUTURE:20270111T080000Z')],
      'not-supported',
    ],
    ['a task', ['BEGIN:VTODO', 'UID:t', 'SUMMARY:Task', 'END:VTODO'], 'not-supported'],
    ['thirty alarms', anEvent(...Array.from({ length: 30 }, (_, i) => anAlarm(`:-PT${i}M`)).flat()), 'not-supported'],
  ])('passes over %s, and says so', (_case, lines, reason) => {
    const { reminders, skipped } = readCalendar(aCalendar(...lines));
    expect(reminders).toEqual([]);
    expect(skipped.map((item) => item.reason)).toEqual([reason]);
  });

  it('knows what was cancelled, alone or with the whole file', () => {
    expect(one(aCalendar(...anEvent('STATUS:CANCELLED'))).isCancelled).toBe(true);
    expect(one(aCalendar('METHOD:CANCEL', ...anEvent())).isCancelled).toBe(true);
    expect(one(aCalendar('METHOD:REQUEST', ...anEvent())).isCancelled).toBe(false);
  });

  it('gives an event whose identity does not fit a URL another id, always the same', () => {
    const ids = [1, 2].map(() => one(aCalendar(...anEvent('UID:a/b c@host'))).id);
    expect(ids[0]).toMatch(/^[0-9a-f]{24}$/);
    expect(ids[1]).toBe(ids[0]);
  });
});

describe('a malformed calendar', () => {
  it.each<[string, Uint8Array, string, RegExp]>([
    ['a line without a colon', aCalendar('BEGIN:VEVENT', 'SUMMARY Meeting', 'END:VEVENT'), 'line 5', /NAME:VALUE/],
    ['an event without end', aCalendar('BEGIN:VEVENT'), 'line 5', /END:VCALENDAR.*VEVENT of line 4/],
    ['a file that breaks off', Buffer.from('BEGIN:VCALENDAR\r\nVERSION:2.0\r\n'), 'line 1', /no END/],
    ['a property outside', Buffer.from('SUMMARY:x\r\n'), 'line 1', /outside/],
    [
      'an end too many',
      Buffer.from('BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nEND:VCALENDAR\r\n'),
      'line 3',
      /does not match/,
    ],
    ['nothing', Buffer.from('\r\n'), 'file', /no calendar/],
    ['another kind of file', Buffer.from('BEGIN:VCARD\r\nVERSION:4.0\r\nEND:VCARD\r\n'), 'line 1', /VCARD/],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00]), 'file', /UTF-8/],
    ['a start that is no date', aCalendar(...anEvent('DTSTART:tomorrow')), 'line 7, DTSTART', /tomorrow/],
    ['30 February', aCalendar(...anEvent('DTSTART;VALUE=DATE:20270230')), 'line 7, DTSTART', /is no date/],
    ['no start at all', aCalendar('BEGIN:VEVENT', 'UID:x', 'END:VEVENT'), 'line 4, VEVENT', /DTSTART is missing/],
    ['an alarm that never', aCalendar(...anEvent(...anAlarm(':soon'))), 'line 10, TRIGGER', /no duration/],
    ['a rule that is none', aCalendar(...anEvent('RRULE:FREQ=SOMETIMES')), 'line 8, RRULE', /SOMETIMES/],
    ['a version that is no number', aCalendar(...anEvent('SEQUENCE:new')), 'line 8, SEQUENCE', /version/],
    ['nesting without end', Buffer.from('BEGIN:X\r\n'.repeat(20)), 'line 9', /deeply/],
  ])('is refused and the place is named: %s', (_case, bytes, field, message) => {
    expect(() => readCalendar(bytes)).toThrow(
      expect.objectContaining({
        code: 'CJ_CALENDAR_FILE_INVALID',
        violations: [expect.objectContaining({ field, message: expect.stringMatching(message) })],
      }),
    );
  });

  it('is refused when it is too large, or holds too many events', () => {
    const tooLarge = Buffer.alloc(CALENDAR_LIMITS.bytes + 1, 'x');
    expect(() => readCalendar(tooLarge)).toThrow(expect.objectContaining({ code: 'CJ_CALENDAR_FILE_INVALID' }));
    const many = aCalendar(...Array.from({ length: CALENDAR_LIMITS.events + 1 }, (_, i) => anEvent(`UID:${i}`)).flat());
    expect(() => readCalendar(many)).toThrow(/too many events/);
  });
});
