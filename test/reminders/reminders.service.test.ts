import { describe, expect, it } from 'vitest';
import { StoreClient } from '../../src/client/store-client.js';
import { RemindersService } from '../../src/reminders/reminders.service.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';
import { aCalendar, aCard, anAlarm, anEvent, cards } from './files.js';

const NOW = '2027-01-01T12:00:00.000Z';

function setup() {
  const clock = new ManualClock(NOW);
  const stores = new MemoryStores({ clock });
  const client = new StoreClient({ stores }, { namespace: 'home' });
  const service = new RemindersService({ client, clusterClock: stores.clusterClock });
  const importCalendar = (bytes: Uint8Array, options = {}) =>
    service.import('ada', { mediaType: 'text/calendar; charset=utf-8', bytes }, options);
  const nextOf = async (id: string) => (await service.get('ada', id)).nextAt;
  return { clock, stores, client, service, importCalendar, nextOf };
}

describe('an import', () => {
  it('reports each event, and stores a trigger for each alarm', async () => {
    const { service, importCalendar } = setup();
    const report = await importCalendar(
      aCalendar(
        ...anEvent('UID:weekly', 'RRULE:FREQ=WEEKLY', ...anAlarm(':-PT15M'), ...anAlarm(':-P1D')),
        ...anEvent('UID:past', 'DTSTART:20200101T090000Z'),
        ...anEvent('UID:quiet', 'BEGIN:VALARM', 'ACTION:NONE', 'TRIGGER:PT0S', 'END:VALARM'),
        ...anEvent('UID:odd', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'),
        ...anEvent('UID:lost', 'DTSTART;TZID=Mars/Base:20270104T090000'),
        ...anEvent('UID:off', 'STATUS:CANCELLED'),
      ),
    );
    expect(report.counts).toEqual({ created: 1, updated: 0, unchanged: 0, deleted: 0, skipped: 5 });
    const byUid = Object.fromEntries(report.items.map((item) => [item.uid, item]));
    expect(byUid['weekly']).toEqual({
      uid: 'weekly',
      title: 'Meeting',
      id: 'weekly',
      outcome: 'created',
      triggerCount: 2,
    });
    expect(['past', 'quiet', 'odd', 'lost', 'off'].map((uid) => byUid[uid]?.reason)).toEqual([
      'past',
      'no-alarms',
      'invalid',
      'unknown-time-zone',
      'cancelled',
    ]);
    expect((await service.list('ada')).map(({ id }) => id)).toEqual(['weekly']);
  });

  it('changes nothing when it is repeated', async () => {
    const { clock, service, importCalendar } = setup();
    const bytes = aCalendar(...anEvent('RRULE:FREQ=WEEKLY', ...anAlarm(':-PT15M')), ...anEvent('UID:once'));
    await importCalendar(bytes);
    const before = await service.list('ada');
    await clock.advance(60_000);
    expect((await importCalendar(bytes)).counts).toMatchObject({ created: 0, updated: 0, unchanged: 2 });
    expect(await service.list('ada')).toEqual(before);
  });

  it('moves what was rescheduled, and takes away alarms that are gone', async () => {
    const { service, importCalendar, nextOf } = setup();
    await importCalendar(aCalendar(...anEvent(...anAlarm(':-PT15M'), ...anAlarm(':-P1D'))));
    const later = anEvent('SEQUENCE:1', 'DTSTART;TZID=Europe/Berlin:20270105T090000', ...anAlarm(':-PT15M'));
    expect((await importCalendar(aCalendar(...later))).items).toMatchObject([{ outcome: 'updated', triggerCount: 1 }]);
    expect(await nextOf('meeting')).toBe('2027-01-05T07:45:00.000Z');
    expect((await service.get('ada', 'meeting')).alerts).toHaveLength(1);
  });

  it('never lets an older version replace a newer one', async () => {
    const { importCalendar, nextOf } = setup();
    await importCalendar(aCalendar(...anEvent('SEQUENCE:2')));
    const older = anEvent('SEQUENCE:1', 'DTSTART;TZID=Europe/Berlin:20270109T090000');
    expect((await importCalendar(aCalendar(...older))).items).toMatchObject([
      { outcome: 'skipped', reason: 'older-than-stored' },
    ]);
    expect(await nextOf('meeting')).toBe('2027-01-04T07:50:00.000Z');
  });

  it('takes away what was cancelled', async () => {
    const { service, importCalendar } = setup();
    await importCalendar(aCalendar(...anEvent()));
    const report = await importCalendar(aCalendar('METHOD:CANCEL', ...anEvent('SEQUENCE:1')));
    expect(report.items).toMatchObject([{ id: 'meeting', outcome: 'deleted' }]);
    expect(await service.list('ada')).toEqual([]);
  });

  it('leaves a reminder alone whose new version cannot be used', async () => {
    const { importCalendar, nextOf } = setup();
    await importCalendar(aCalendar(...anEvent()));
    await importCalendar(aCalendar(...anEvent('SEQUENCE:1', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30')));
    expect(await nextOf('meeting')).toBe('2027-01-04T07:50:00.000Z');
  });

  it('changes nothing when the file is malformed', async () => {
    const { service, importCalendar } = setup();
    const broken = aCalendar(...anEvent('UID:fine'), ...anEvent('UID:broken', 'DTSTART:never'));
    await expect(importCalendar(broken)).rejects.toMatchObject({ code: 'CJ_CALENDAR_FILE_INVALID' });
    expect(await service.list('ada')).toEqual([]);
  });

  it('keeps users apart', async () => {
    const { service, importCalendar } = setup();
    await importCalendar(aCalendar(...anEvent()));
    expect(await service.list('bob')).toEqual([]);
    await expect(service.get('bob', 'meeting')).rejects.toMatchObject({ code: 'CJ_REMINDER_NOT_FOUND' });
  });

  it('takes birthdays from an address book, with the options of the caller', async () => {
    const { service } = setup();
    const bytes = cards(aCard('UID:leap', 'FN:Leap', 'BDAY:19960229'), aCard('UID:ada', 'FN:Ada', 'BDAY:--1210'));
    const options = { timeZone: 'Asia/Tokyo', leapDay: 'firstOfMarch', birthdayDaysBefore: '1', birthdayAt: '20:00' };
    await service.import('ada', { mediaType: 'text/vcard', bytes }, options);
    const found = await service.list('ada');
    expect(found.map(({ id, kind, nextAt, timeZone }) => [id, kind, nextAt, timeZone])).toEqual([
      ['leap', 'birthday', '2027-02-28T11:00:00.000Z', 'Asia/Tokyo'],
      ['ada', 'birthday', '2027-12-09T11:00:00.000Z', 'Asia/Tokyo'],
    ]);
  });

  it('refuses other files and unknown options', async () => {
    const { service, importCalendar } = setup();
    const pdf = service.import('ada', { mediaType: 'application/pdf', bytes: Buffer.from('x') });
    await expect(pdf).rejects.toMatchObject({ code: 'CJ_UNSUPPORTED_MEDIA_TYPE' });
    for (const options of [{ timeZone: 'Mars/Base' }, { allDayAt: '25:00' }, { colour: 'red' }]) {
      await expect(importCalendar(aCalendar(...anEvent()), options)).rejects.toMatchObject({
        code: 'CJ_VALIDATION_FAILED',
      });
    }
    await expect(service.list('no/user')).rejects.toMatchObject({ code: 'CJ_VALIDATION_FAILED' });
  });

  it('fires at once what is due while its event is still ahead, and once only', async () => {
    const { stores, importCalendar, clock } = setup();
    const bytes = aCalendar(...anEvent('DTSTART:20270101T120500Z', ...anAlarm(':-PT10M')));
    expect((await importCalendar(bytes)).items).toMatchObject([{ outcome: 'created', triggerCount: 1 }]);
    const due = await Promise.all(
      Array.from({ length: stores.executions.shardCount }, (_, shard) =>
        stores.executions.readDue(shard, clock.now(), 5),
      ),
    );
    expect(due.flatMap((batch) => batch.triggers.map((trigger) => trigger.dueAt))).toEqual([
      Date.parse('2027-01-01T11:55:00Z'),
    ]);
    expect((await importCalendar(bytes)).counts).toMatchObject({ unchanged: 1 });
  });
});

describe('the zone of a user', () => {
  const bytes = aCalendar(
    ...anEvent('UID:day', 'DTSTART;VALUE=DATE:20270202'),
    ...anEvent('UID:days', 'DTSTART;VALUE=DATE:20270202', 'RRULE:FREQ=MONTHLY'),
    ...anEvent('UID:floating', 'DTSTART:20270202T100000'),
    ...anEvent('UID:fixed', 'RRULE:FREQ=WEEKLY'),
  );

  it('moves what is read on the wall clock of the user, and nothing else', async () => {
    const { importCalendar, nextOf } = setup();
    await importCalendar(bytes, { timeZone: 'Europe/Berlin' });
    const all = async () => Promise.all(['day', 'days', 'floating', 'fixed'].map(nextOf));
    expect(await all()).toEqual([
      '2027-02-02T08:00:00.000Z',
      '2027-02-02T08:00:00.000Z',
      '2027-02-02T08:50:00.000Z',
      '2027-01-04T07:50:00.000Z',
    ]);
    await importCalendar(aCalendar(), { timeZone: 'America/New_York' });
    expect(await all()).toEqual([
      '2027-02-02T14:00:00.000Z',
      '2027-02-02T14:00:00.000Z',
      '2027-02-02T14:50:00.000Z',
      '2027-01-04T07:50:00.000Z',
    ]);
  });

  it('stays when an import names none', async () => {
    const { importCalendar, nextOf } = setup();
    await importCalendar(aCalendar(), { timeZone: 'Europe/Berlin' });
    await importCalendar(bytes);
    expect(await nextOf('day')).toBe('2027-02-02T08:00:00.000Z');
  });
});

describe('a single reminder', () => {
  const dentist = { title: 'Dentist', startsAt: '2027-01-05T09:30:00', timeZone: 'Europe/Berlin' };

  it('is stored, read and listed', async () => {
    const { service } = setup();
    const { outcome, reminder } = await service.put('ada', 'dentist', {
      ...dentist,
      body: 'Bring the card',
      alerts: [{ minutesBefore: 60 }, { minutesBefore: 10 }],
    });
    expect(outcome).toBe('created');
    expect(reminder).toEqual({
      id: 'dentist',
      uid: 'dentist',
      kind: 'event',
      title: 'Dentist',
      body: 'Bring the card',
      startsAt: '2027-01-05T09:30:00',
      timeZone: 'Europe/Berlin',
      sequence: 0,
      nextAt: '2027-01-05T07:30:00.000Z',
      alerts: expect.arrayContaining([
        { trigger: expect.any(String), state: 'active', nextAt: '2027-01-05T07:30:00.000Z' },
        { trigger: expect.any(String), state: 'active', nextAt: '2027-01-05T08:20:00.000Z' },
      ]),
    });
    expect(await service.get('ada', 'dentist')).toEqual(reminder);
    expect(await service.list('ada')).toEqual([reminder]);
  });

  it('is replaced as a whole, and unchanged when it is put again', async () => {
    const { service, nextOf } = setup();
    await service.put('ada', 'dentist', { ...dentist, alerts: [{ minutesBefore: 60 }] });
    expect((await service.put('ada', 'dentist', { ...dentist, alerts: [{ minutesBefore: 60 }] })).outcome).toBe(
      'unchanged',
    );
    const { outcome, reminder } = await service.put('ada', 'dentist', dentist);
    expect([outcome, reminder.alerts.length]).toEqual(['changed', 1]);
    expect(await nextOf('dentist')).toBe('2027-01-05T08:20:00.000Z');
  });

  it('recurs, with exceptions, and days before on an all-day one', async () => {
    const { service, nextOf } = setup();
    await service.put('ada', 'bins', {
      title: 'Bins',
      startsAt: '2027-01-04',
      timeZone: 'Europe/Berlin',
      recurrence: 'FREQ=WEEKLY;BYDAY=MO',
      exdates: ['2027-01-04'],
      alerts: [{ daysBefore: 1, at: '20:00' }],
    });
    expect(await nextOf('bins')).toBe('2027-01-10T19:00:00.000Z');
    expect((await service.get('ada', 'bins')).recurrence).toContain('FREQ=WEEKLY;BYDAY=MO');
  });

  it('is deleted', async () => {
    const { service } = setup();
    await service.put('ada', 'dentist', dentist);
    await service.put('ada', 'other', { ...dentist, title: 'Other' });
    await service.delete('ada', 'dentist');
    expect((await service.list('ada')).map(({ id }) => id)).toEqual(['other']);
    await expect(service.delete('ada', 'dentist')).rejects.toMatchObject({ code: 'CJ_REMINDER_NOT_FOUND' });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a past', { startsAt: '2026-01-05T09:30:00' }, 'startsAt'],
    ['no date', { startsAt: 'tomorrow' }, 'startsAt'],
    ['a rule that cannot be used', { recurrence: 'FREQ=SOMETIMES' }, 'recurrence'],
    ['days before an event with a time', { alerts: [{ daysBefore: 1, at: '09:00' }] }, 'alerts[0]'],
    ['an end before its start', { endsAt: '2027-01-04T09:30:00' }, 'endsAt'],
    ['an unknown zone', { timeZone: 'Mars/Base' }, 'timeZone'],
    ['no title', { title: '' }, 'title'],
  ])('is refused with %s, and the field is named', async (_case, fields, field) => {
    const { service, client } = setup();
    const put = service.put('ada', 'dentist', { ...dentist, ...fields });
    await expect(put).rejects.toMatchObject({ violations: [expect.objectContaining({ field })] });
    expect((await client.listJobs()).items).toEqual([]);
  });
});
