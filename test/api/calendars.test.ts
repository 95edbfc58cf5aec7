import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type ApiServer } from './support/api-server.js';

const calendars = '/v1/namespaces/app/calendars';
const holidays = { type: 'dates', dates: ['2026-12-25'], timeZone: 'Europe/Berlin' };
const file = [
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'BEGIN:VEVENT',
  'UID:1',
  'DTSTART;VALUE=DATE:20261225',
  'RRULE:FREQ=YEARLY',
  'END:VEVENT',
  'END:VCALENDAR',
].join('\r\n');

let api: ApiServer;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.stop());

describe('a calendar', () => {
  it('is created, read, replaced and deleted', async () => {
    const put = await api.call.put(`${calendars}/holidays`).send(holidays);
    expect(put.status).toBe(201);
    expect([put.headers['etag'], put.headers['cloudjob-outcome']]).toEqual(['"1"', 'created']);
    const at = '2026-11-21T00:00:00.000Z';
    expect(put.body).toEqual({
      namespace: 'app',
      name: 'holidays',
      ...holidays,
      version: 1,
      createdAt: at,
      updatedAt: at,
    });
    const shown = await api.call.get(`${calendars}/holidays`);
    expect([shown.status, shown.headers['etag'], shown.body]).toEqual([200, '"1"', put.body]);
    const again = await api.call.put(`${calendars}/holidays`).send(shown.body);
    expect([again.status, again.headers['cloudjob-outcome']]).toEqual([200, 'unchanged']);
    const changed = await api.call.put(`${calendars}/holidays`).send({ ...shown.body, mode: 'include' });
    expect([changed.status, changed.headers['etag'], changed.body.mode]).toEqual([200, '"2"', 'include']);
    expect((await api.call.delete(`${calendars}/holidays`)).status).toBe(204);
    const gone = await api.call.get(`${calendars}/holidays`);
    expect([gone.status, gone.body.code]).toEqual([404, 'CJ_CALENDAR_NOT_FOUND']);
    expect((await api.call.delete(`${calendars}/holidays`)).body.code).toBe('CJ_CALENDAR_NOT_FOUND');
  });

  it('is written and deleted only over the version that was read', async () => {
    await api.call.put(`${calendars}/holidays`).send(holidays);
    const refused = [
      await api.call.put(`${calendars}/holidays`).set('if-match', '"7"').send(holidays),
      await api.call.put(`${calendars}/holidays`).set('if-none-match', '*').send(holidays),
      await api.call.delete(`${calendars}/holidays`).set('if-match', '"7"'),
    ];
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
      refused.map(() => [412, 'CJ_VERSION_CONFLICT']),
    );
    expect((await api.call.delete(`${calendars}/holidays`).set('if-match', '"1"')).status).toBe(204);
  });

  it('is listed by name, without its days', async () => {
    await api.call.put(`${calendars}/weekend`).send({ type: 'weekly', days: ['SAT', 'SUN'], description: 'closed' });
    await api.call.put(`${calendars}/holidays`).send(holidays);
    const { status, body } = await api.call.get(calendars);
    expect(status).toBe(200);
    const at = '2026-11-21T00:00:00.000Z';
    const head = { namespace: 'app', version: 1, createdAt: at, updatedAt: at };
    expect(body).toEqual({
      items: [
        { ...head, name: 'holidays', type: 'dates', timeZone: 'Europe/Berlin' },
        { ...head, name: 'weekend', type: 'weekly', description: 'closed' },
      ],
    });
  });

  it('is taken as an iCalendar file, with the rest in the query', async () => {
    const put = await api.call
      .put(`${calendars}/file?mode=include&timeZone=Europe/Berlin`)
      .set('content-type', 'text/calendar')
      .send(file);
    expect(put.status).toBe(201);
    expect(put.body).toMatchObject({ type: 'ics', ics: file, mode: 'include', timeZone: 'Europe/Berlin' });
    const preview = await api.call.post('/v1/schedules/preview').send({
      schedule: { type: 'cron', expression: '0 9 * * *' },
      timeZone: 'Europe/Berlin',
      count: 2,
      calendars: ['file'],
      namespace: 'app',
    });
    expect(preview.body.fires.map(({ local }: { local: string }) => local)).toEqual([
      '2026-12-25T09:00:00.000+01:00',
      '2027-12-25T09:00:00.000+01:00',
    ]);
  });

  it.each([
    ['days that do not exist', { type: 'annual', days: ['02-30', '13-01'] }, 'days[1]'],
    ['an unknown type', { type: 'moon' }, 'type'],
    ['an unknown field', { ...holidays, colour: 'red' }, 'colour'],
    ['an unknown zone', { ...holidays, timeZone: 'Mars/Base' }, 'timeZone'],
    ['an unknown base', { ...holidays, base: 'none' }, 'base'],
    ['itself as its base', { ...holidays, base: 'holidays' }, 'base'],
    ['a file that cannot be read', { type: 'ics', ics: 'no calendar' }, 'ics'],
    ['another name in the body', { ...holidays, name: 'other' }, 'name'],
    ['a list', [holidays], ''],
  ])('with %s is refused, and the field is named', async (_what, body, field) => {
    await api.call.put(`${calendars}/holidays`).send(holidays);
    const { status, body: problem } = await api.call.put(`${calendars}/holidays`).send(body);
    expect(status).toBe(problem.code === 'CJ_CALENDAR_NOT_FOUND' ? 404 : 400);
    expect(problem.violations.map((violation: { field: string }) => violation.field)).toContain(field);
  });

  it('of another media type or with unknown options in the query is refused', async () => {
    const card = await api.call.put(`${calendars}/file`).set('content-type', 'text/vcard').send(file);
    expect([card.status, card.body.code]).toEqual([415, 'CJ_UNSUPPORTED_MEDIA_TYPE']);
    const query = await api.call.put(`${calendars}/file?colour=red`).set('content-type', 'text/calendar').send(file);
    expect([query.status, query.body.violations[0].field]).toEqual([400, 'colour']);
    const both = await api.call.put(`${calendars}/file?mode=include`).send(holidays);
    expect([both.status, both.body.violations[0].field]).toEqual([400, 'mode']);
  });

  it('in use is not deleted, and the users are named', async () => {
    await api.call.put(`${calendars}/holidays`).send(holidays);
    await api.call.put('/v1/namespaces/app/jobs/report').send({
      target: { type: 'handler', handler: 'report' },
      schedule: { type: 'cron', expression: '0 9 * * *' },
      calendars: ['holidays'],
    });
    const refused = await api.call.delete(`${calendars}/holidays`);
    expect([refused.status, refused.body.code]).toEqual([409, 'CJ_STATE_CONFLICT']);
    expect(refused.body.detail).toContain('app/report/default');
  });

  it('that does not exist is named by no trigger', async () => {
    const refused = await api.call.put('/v1/namespaces/app/jobs/report').send({
      target: { type: 'handler', handler: 'report' },
      schedule: { type: 'cron', expression: '0 9 * * *' },
      calendars: ['none'],
    });
    expect([refused.status, refused.body.code]).toEqual([404, 'CJ_CALENDAR_NOT_FOUND']);
    expect(refused.body.violations).toEqual([
      { field: 'calendars[0]', message: 'names the calendar none, or a base of it, which does not exist' },
    ]);
    const without = await api.call.put('/v1/namespaces/app/jobs/report').send({
      target: { type: 'handler', handler: 'report' },
      calendars: ['none'],
    });
    expect(without.body.violations[0]).toMatchObject({ field: 'calendars' });
  });

  it('by name in a preview needs a namespace', async () => {
    const preview = (more: object) =>
      api.call.post('/v1/schedules/preview').send({ schedule: { type: 'every', everyMs: 3_600_000 }, ...more });
    expect((await preview({ calendars: ['none'] })).body.violations[0].field).toBe('namespace');
    expect((await preview({ calendars: ['none'], namespace: 'app' })).body.code).toBe('CJ_CALENDAR_NOT_FOUND');
    const written = await preview({ count: 1, calendars: [{ type: 'daily', from: '00:00', to: '12:00' }] });
    expect(written.body.fires[0].at).toBe('2026-11-21T12:00:00.000Z');
  });
});
