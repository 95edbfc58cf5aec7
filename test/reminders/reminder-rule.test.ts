import { describe, expect, it } from 'vitest';
import { compileTrigger, parseTrigger } from '../../src/domain/trigger.js';
import { readCalendar } from '../../src/reminders/icalendar.js';
import { REMINDER_DEFAULTS, triggersOf, type PlannedTrigger } from '../../src/reminders/reminder-rule.js';
import { readCards } from '../../src/reminders/vcard.js';
import { aCalendar, aCard, anAlarm, anEvent, cards } from './files.js';

function planned(bytes: Uint8Array, timeZone = 'Europe/Berlin'): PlannedTrigger[] {
  return readCalendar(bytes).reminders.flatMap((reminder) =>
    triggersOf(reminder, { timeZone, defaults: REMINDER_DEFAULTS }),
  );
}

/** The first fires after an instant, of all triggers together. */
function fires(triggers: readonly PlannedTrigger[], count: number, after = '2026-12-31T00:00:00Z'): string[] {
  const all = triggers.flatMap((trigger) => {
    const { definition } = parseTrigger(trigger, { timeZone: 'UTC' });
    const compiled = compileTrigger('a/b/c', definition);
    const found: number[] = [];
    let at = compiled.next(Date.parse(after));
    for (; at !== null && found.length < count; at = compiled.next(at)) found.push(at);
    return found;
  });
  return all
    .sort((a, b) => a - b)
    .slice(0, count)
    .map((at) => new Date(at).toISOString());
}

describe('triggers of an event with a time', () => {
  it('fire the alarm before each occurrence, in the zone of the event', () => {
    const lines = ['DTSTART;TZID=America/New_York:20270104T091500', 'RRULE:FREQ=WEEKLY', ...anAlarm(':-PT5M')];
    const triggers = planned(aCalendar(...anEvent(...lines)));
    expect(fires(triggers, 2)).toEqual(['2027-01-04T14:10:00.000Z', '2027-01-11T14:10:00.000Z']);
    // After 14 March New York is on summer time.
    expect(fires(triggers, 1, '2027-03-14T12:00:00Z')).toEqual(['2027-03-15T13:10:00.000Z']);
  });

  it('tell a day before from 24 hours before when clocks change in between', () => {
    const on = (trigger: string): string[] =>
      fires(planned(aCalendar(...anEvent('DTSTART;TZID=America/New_York:20270314T090000', ...anAlarm(trigger)))), 1);
    expect(on(':-P1D')).toEqual(['2027-03-13T14:00:00.000Z']);
    expect(on(':-PT24H')).toEqual(['2027-03-13T13:00:00.000Z']);
  });

  it('count from the end where the alarm says so', () => {
    const lines = ['DTEND;TZID=Europe/Berlin:20270104T103000', ...anAlarm(';RELATED=END:-PT5M')];
    expect(fires(planned(aCalendar(...anEvent(...lines))), 1)).toEqual(['2027-01-04T09:25:00.000Z']);
  });

  it('fire ten minutes before where the file says nothing, and not at all where it wants nothing', () => {
    expect(fires(planned(aCalendar(...anEvent())), 1)).toEqual(['2027-01-04T07:50:00.000Z']);
    const none = ['BEGIN:VALARM', 'ACTION:NONE', 'TRIGGER:PT0S', 'END:VALARM'];
    expect(planned(aCalendar(...anEvent(...none)))).toEqual([]);
  });

  it('leave out excluded instances, and fire moved ones at their own time with their own text', () => {
    const triggers = planned(
      aCalendar(
        ...anEvent('RRULE:FREQ=WEEKLY;COUNT=4', 'EXDATE;TZID=Europe/Berlin:20270118T090000', ...anAlarm(':-PT15M')),
        ...anEvent(
          'RECURRENCE-ID;TZID=Europe/Berlin:20270111T090000',
          'SUMMARY:Moved',
          'DTSTART;TZID=Europe/Berlin:20270112T140000',
        ),
      ),
    );
    expect(fires(triggers, 9)).toEqual([
      '2027-01-04T07:45:00.000Z',
      '2027-01-12T12:45:00.000Z',
      '2027-01-25T07:45:00.000Z',
    ]);
    expect(triggers.map(({ data }) => (data['message'] as { title: string }).title)).toEqual(['Meeting', 'Moved']);
  });

  it('leave out cancelled instances', () => {
    const gone = anEvent('RECURRENCE-ID;TZID=Europe/Berlin:20270111T090000', 'STATUS:CANCELLED');
    const triggers = planned(aCalendar(...anEvent('RRULE:FREQ=WEEKLY;COUNT=3', ...anAlarm(':PT0S')), ...gone));
    expect(fires(triggers, 9)).toEqual(['2027-01-04T08:00:00.000Z', '2027-01-18T08:00:00.000Z']);
  });

  it('fire late, not never, where the clocks leave the time out', () => {
    const lines = ['DTSTART;TZID=America/New_York:20270313T023000', 'RRULE:FREQ=DAILY;COUNT=3', ...anAlarm(':PT0S')];
    expect(fires(planned(aCalendar(...anEvent(...lines))), 3)).toEqual([
      '2027-03-13T07:30:00.000Z',
      '2027-03-14T07:30:00.000Z',
      '2027-03-15T06:30:00.000Z',
    ]);
  });

  it('fire once where the clocks repeat the time', () => {
    const lines = ['DTSTART;TZID=America/New_York:20271106T013000', 'RRULE:FREQ=DAILY;COUNT=2', ...anAlarm(':PT0S')];
    expect(fires(planned(aCalendar(...anEvent(...lines))), 9)).toEqual([
      '2027-11-06T05:30:00.000Z',
      '2027-11-07T05:30:00.000Z',
    ]);
  });

  it('are one for alarms that mean the same, and for one UID in two calendars', () => {
    const event = anEvent(...anAlarm(':-PT60M'), ...anAlarm(':-PT1H'), ...anAlarm(':-PT5M'));
    const names = planned(aCalendar(...event)).map(({ name }) => name);
    expect(names).toHaveLength(2);
    expect(planned(aCalendar('X-WR-CALNAME:Other', ...event)).map(({ name }) => name)).toEqual(names);
    expect(names.every((name) => /^[0-9a-f]{24}\.[0-9a-f]{24}$/.test(name))).toBe(true);
  });

  it('keep quiet about what the user has seen', () => {
    const seen = anAlarm(':-PT15M', 'ACKNOWLEDGED:20270111T080000Z');
    const triggers = planned(aCalendar(...anEvent('RRULE:FREQ=WEEKLY', ...seen)));
    expect(triggers[0]?.startAt).toBe('2027-01-11T08:00:00.001Z');
  });

  it('carry what the page needs to show them', () => {
    const lines = ['SUMMARY:' + 'x'.repeat(300), 'DESCRIPTION:Bring tea', 'LOCATION:Room 5', ...anAlarm(':-PT15M')];
    const [trigger] = planned(aCalendar(...anEvent(...lines)));
    expect(trigger?.data['message']).toEqual({
      title: 'x'.repeat(255) + '…',
      body: 'Bring tea',
      data: {
        kind: 'event',
        reminder: 'meeting',
        uid: 'meeting',
        startsAt: '2027-01-04T09:00:00',
        timeZone: 'Europe/Berlin',
        leadMs: 900_000,
        location: 'Room 5',
      },
    });
  });
});

describe('triggers of an all-day event', () => {
  const day = 'DTSTART;VALUE=DATE:20270315';

  it('fire at 09:00 of the user on the day by default, wherever the user is', () => {
    const bytes = aCalendar(...anEvent(day));
    expect(fires(planned(bytes, 'Asia/Tokyo'), 1)).toEqual(['2027-03-15T00:00:00.000Z']);
    expect(fires(planned(bytes, 'America/New_York'), 1)).toEqual(['2027-03-15T13:00:00.000Z']);
  });

  it('count their alarms from midnight by the wall clock', () => {
    // 15 hours before midnight is 09:00 of the day before, also when the clocks change in that night.
    const on = (trigger: string, zone: string) =>
      fires(planned(aCalendar(...anEvent(day, ...anAlarm(trigger))), zone), 1);
    expect(on(':-PT15H', 'America/New_York')).toEqual(['2027-03-14T13:00:00.000Z']);
    expect(on(':-P1D', 'America/New_York')).toEqual(['2027-03-14T05:00:00.000Z']);
    expect(on(':PT9H', 'UTC')).toEqual(['2027-03-15T09:00:00.000Z']);
    expect(on(';RELATED=END:-PT6H', 'UTC')).toEqual(['2027-03-15T18:00:00.000Z']);
  });

  it('fire at the first instant of a day that has no midnight', () => {
    // Cairo goes from 00:00 to 01:00 on 24 April 2026.
    const bytes = aCalendar(...anEvent('DTSTART;VALUE=DATE:20260424', ...anAlarm(':PT0S')));
    expect(fires(planned(bytes, 'Africa/Cairo'), 1, '2026-04-01T00:00:00Z')).toEqual(['2026-04-23T22:00:00.000Z']);
  });

  it('leave out excluded days', () => {
    const lines = ['DTSTART;VALUE=DATE:20270101', 'RRULE:FREQ=DAILY;COUNT=3', 'EXDATE;VALUE=DATE:20270102'];
    expect(fires(planned(aCalendar(...anEvent(...lines)), 'UTC'), 9)).toEqual([
      '2027-01-01T09:00:00.000Z',
      '2027-01-03T09:00:00.000Z',
    ]);
  });
});

describe('triggers of a birthday', () => {
  function birthdays(leapDay: 'lastOfFebruary' | 'firstOfMarch' | 'leapYearsOnly', daysBefore = 0): string[] {
    const { reminders } = readCards(cards(aCard('FN:Leap', 'BDAY:19960229')), { leapDay });
    const defaults = { ...REMINDER_DEFAULTS, birthday: { daysBefore, at: '08:30' } };
    const triggers = reminders.flatMap((reminder) => triggersOf(reminder, { timeZone: 'UTC', defaults }));
    return fires(triggers, 3).map((at) => at.slice(0, 16));
  }

  it('on 29 February fall on the day that the user chose', () => {
    expect(birthdays('lastOfFebruary')).toEqual(['2027-02-28T08:30', '2028-02-29T08:30', '2029-02-28T08:30']);
    expect(birthdays('firstOfMarch')).toEqual(['2027-03-01T08:30', '2028-02-29T08:30', '2029-03-01T08:30']);
    expect(birthdays('leapYearsOnly')).toEqual(['2028-02-29T08:30', '2032-02-29T08:30', '2036-02-29T08:30']);
  });

  it('come so many days before as the user wants', () => {
    expect(birthdays('firstOfMarch', 1)).toEqual(['2027-02-28T08:30', '2028-02-28T08:30', '2029-02-28T08:30']);
  });
});
