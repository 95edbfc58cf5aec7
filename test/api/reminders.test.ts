import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REMINDERS, RemindersController } from '../../src/api/reminders.controller.js';
import { StoreClient } from '../../src/client/store-client.js';
import { MAX_IMPORT_BYTES } from '../../src/domain/limits.js';
import { RemindersService } from '../../src/reminders/reminders.service.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';
import { startApi, type ApiServer } from './support/api-server.js';

const mine = '/v1/namespaces/app/users/ada/reminders';
const dentist = { title: 'Dentist', startsAt: '2026-12-01T15:30:00', timeZone: 'Europe/Berlin' };

let api: ApiServer;
beforeEach(async () => {
  const clock = new ManualClock('2026-11-21T00:00:00Z');
  const stores = new MemoryStores({ clock });
  const remindersOf = (namespace: string): RemindersService =>
    new RemindersService({ client: new StoreClient({ stores }, { namespace }), clusterClock: stores.clusterClock });
  api = await startApi({
    clock,
    stores,
    extraControllers: [RemindersController],
    extraProviders: [{ provide: REMINDERS, useValue: remindersOf }],
  });
});
afterEach(() => api.stop());

const importFile = (text: string, type = 'text/calendar') =>
  api.call.post(`${mine}/import`).set('content-type', type).send(text);

const calendar = (...lines: string[]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', ...lines, 'END:VCALENDAR', ''].join('\r\n');

const event = (uid: string, ...lines: string[]) => [
  'BEGIN:VEVENT',
  `UID:${uid}`,
  `SUMMARY:${uid}`,
  ...lines,
  'END:VEVENT',
];

describe('a reminder', () => {
  it('is created, read, listed, replaced and deleted', async () => {
    const created = await api.call.put(`${mine}/dentist`).send(dentist);
    expect(created.status).toBe(201);
    // Ten minutes before half past three in Berlin.
    expect(created.body).toMatchObject({ id: 'dentist', title: 'Dentist', nextAt: '2026-12-01T14:20:00.000Z' });
    expect((await api.call.put(`${mine}/dentist`).send({ ...dentist, title: 'Doctor' })).status).toBe(200);
    expect((await api.call.get(`${mine}/dentist`)).body.title).toBe('Doctor');
    expect((await api.call.get(mine)).body.items).toHaveLength(1);
    expect((await api.call.delete(`${mine}/dentist`)).status).toBe(204);
    const gone = await api.call.get(`${mine}/dentist`);
    expect([gone.status, gone.body.code]).toEqual([404, 'CJ_REMINDER_NOT_FOUND']);
  });

  it.each([
    [{ ...dentist, startsAt: 'tomorrow' }, 'startsAt'],
    [{ ...dentist, timeZone: 'Mars/Base' }, 'timeZone'],
    [{ ...dentist, startsAt: '2020-01-01T00:00:00' }, 'startsAt'],
    [{ ...dentist, colour: 'red' }, 'colour'],
  ])('%j is refused with the field at fault, and nothing is stored', async (input, field) => {
    const answer = await api.call.put(`${mine}/dentist`).send(input);
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.violations[0].field).toBe(field);
    expect((await api.call.get(mine)).body.items).toEqual([]);
  });
});

describe('an import', () => {
  it('takes the sample files, and the same again changes nothing', async () => {
    for (const [file, type] of [
      ['calendar.ics', 'text/calendar'],
      ['contacts.vcf', 'text/vcard'],
    ] as const) {
      const text = readFileSync(new URL(`../../examples/data/${file}`, import.meta.url), 'utf8');
      const first = await importFile(text, type);
      expect(first.status).toBe(200);
      expect(first.body.counts).toMatchObject({ skipped: 0, unchanged: 0 });
      const second = await importFile(text, type);
      expect(second.body.counts).toMatchObject({ created: 0, updated: 0, unchanged: first.body.counts.created });
    }
    const { items } = (await api.call.get(mine)).body as { items: { title: string; nextAt: string }[] };
    const next = (title: string) => items.find((item) => item.title.startsWith(title))?.nextAt.slice(0, 10);
    expect(next('Thanksgiving (US)')).toBe('2026-11-26');
    expect(next('Labor Day')).toBe('2027-09-06');
    expect(next('Easter Monday')).toBe('2027-03-29');
    expect(next('Gioachino Rossini')).toBe('2027-02-28');
    expect(next('Leap day')).toBe('2028-02-29');
  });

  it.each([
    ['is no calendar at all', 'hello'],
    ['is cut off', calendar(...event('a', 'DTSTART:20270101T090000Z')).slice(0, -20)],
    [
      'has a good event and one whose date is impossible',
      calendar(...event('good', 'DTSTART:20270101T090000Z'), ...event('bad', 'DTSTART:2027-13-45')),
    ],
  ])('that %s is refused as a whole, naming the place', async (_what, text) => {
    const answer = await importFile(text);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('CJ_CALENDAR_FILE_INVALID');
    expect(answer.body.violations[0].field).toMatch(/line \d+/);
    expect((await api.call.get(mine)).body.items).toEqual([]);
  });

  it('of another type or without a type is refused', async () => {
    expect((await importFile('x', 'text/plain')).status).toBe(415);
    expect((await api.call.post(`${mine}/import`)).status).toBe(400);
  });

  it('that is too large is refused', async () => {
    expect((await importFile('x'.repeat(MAX_IMPORT_BYTES + 1))).status).toBe(413);
  });
});
