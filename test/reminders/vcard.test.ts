import { describe, expect, it } from 'vitest';
import { readCards, type LeapDayRule } from '../../src/reminders/vcard.js';
import { aCard, cards } from './files.js';

const lastOfFebruary = { leapDay: 'lastOfFebruary' } as const;

describe('readCards', () => {
  it('reads a birthday whole', () => {
    const { reminders } = readCards(cards(aCard('UID:ada', 'FN:Ada Lovelace', 'BDAY:20031210')), lastOfFebruary);
    expect(reminders).toEqual([
      {
        id: 'ada',
        uid: 'ada',
        kind: 'birthday',
        title: 'Ada Lovelace',
        start: { date: '2003-12-10' },
        length: { days: 1, ms: 0 },
        alarms: null,
        sequence: 0,
        isCancelled: false,
        recurrence: ['RRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=10'],
        exdates: [],
        instances: [],
        data: { name: 'Ada Lovelace', birthday: '2003-12-10' },
      },
    ]);
  });

  it.each([
    ['BDAY:1990-02-28', '1990-02-28'],
    ['BDAY:19900228', '1990-02-28'],
    ['BDAY;VALUE=date:1990-02-28', '1990-02-28'],
    ['BDAY:1990-02-28T00:00:00Z', '1990-02-28'],
    ['BDAY:--0228', '--02-28'],
    ['BDAY:--02-28', '--02-28'],
    ['BDAY:1604-02-28', '--02-28'],
    ['BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-28', '--02-28'],
  ])('reads %s', (line, birthday) => {
    for (const version of ['3.0', '4.0']) {
      const card = ['BEGIN:VCARD', `VERSION:${version}`, 'FN:Ada', line, 'END:VCARD'];
      const { reminders } = readCards(cards(card), lastOfFebruary);
      expect(reminders[0]).toMatchObject({ data: { birthday }, start: { date: '2000-02-28' } });
    }
  });

  it.each<[LeapDayRule, string]>([
    ['lastOfFebruary', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1'],
    ['firstOfMarch', 'RRULE:FREQ=YEARLY;BYYEARDAY=60'],
    ['leapYearsOnly', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29'],
  ])('keeps a birthday on 29 February by the rule %s', (leapDay, rule) => {
    const { reminders } = readCards(cards(aCard('FN:Leap', 'BDAY:19960229'), aCard('FN:Year', 'BDAY:--0229')), {
      leapDay,
    });
    expect(reminders.map(({ recurrence, start }) => [recurrence, start])).toEqual([
      [[rule], { date: '2000-02-29' }],
      [[rule], { date: '2000-02-29' }],
    ]);
  });

  it('reads every card, and passes over those without a birthday', () => {
    const { reminders, skipped } = readCards(
      cards(
        aCard('UID:a', 'FN:Ada', 'BDAY:--1210'),
        aCard('UID:b', 'FN:Bob'),
        aCard('UID:c', 'FN:Cem', 'BDAY;VALUE=text:circa 1800'),
        aCard('UID:d', 'FN:Dua', 'BDAY:1990'),
        aCard('UID:e', 'N:Noether;Emmy;;;', 'item1.BDAY:18820323'),
      ),
      lastOfFebruary,
    );
    expect(reminders.map(({ title }) => title)).toEqual(['Ada', 'Emmy Noether']);
    expect(skipped.map(({ uid, reason }) => [uid, reason])).toEqual([
      ['b', 'no-birthday'],
      ['c', 'no-birthday'],
      ['d', 'no-birthday'],
    ]);
  });

  it.each([
    ['BDAY:1990-13-01', /line 4, BDAY/],
    ['BDAY:19900230', /line 4, BDAY/],
    ['BDAY:some day', /line 4, BDAY/],
  ])('refuses the file for %s', (line, message) => {
    const read = () => readCards(cards(aCard('FN:Ada', line)), lastOfFebruary);
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ code: 'CJ_CALENDAR_FILE_INVALID' }));
  });
});
