import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { JobClient } from '../../src/client/job-client.js';
import type { JobInput } from '../../src/client/job-input.js';
import { RestClient } from '../../src/client/rest-client.js';
import { RestTransport } from '../../src/client/rest-transport.js';
import { StoreClient } from '../../src/client/store-client.js';
import type { CalendarInput } from '../../src/domain/calendar.js';
import { silentLogger as logger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { systemClock } from '../../src/runtime/system-clock.js';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { RedisStores } from '../../src/store/redis/redis-stores.js';
import type { Stores } from '../../src/store/stores.js';
import { API_KEY, startApi } from '../api/support/api-server.js';
import { eventually } from '../support/wait.js';

interface Opened {
  readonly stores: Stores;
  readonly client: JobClient;
  readonly stop: () => Promise<void>;
}

async function overRedis(): Promise<Opened> {
  const stores = new RedisStores(
    { clock: systemClock, logger, metrics: new Metrics() },
    { redis: inject('redisUrl'), cluster: `calendars-${randomUUID()}`, shardCount: 3, requireDurability: false },
  );
  await stores.start();
  return { stores, client: new StoreClient({ stores }, { namespace: 'app' }), stop: () => stores.stop() };
}

async function overRest(): Promise<Opened> {
  const stores = new MemoryStores({ clock: systemClock });
  await stores.start();
  const api = await startApi({ stores, clock: systemClock });
  const config = { url: api.url, apiKey: API_KEY, timeoutMs: 10_000, maxTries: 3 };
  const client = new RestClient({ transport: new RestTransport({ clock: systemClock }, config) }, { namespace: 'app' });
  const stop = async (): Promise<void> => {
    await client.close();
    await api.stop();
    await stores.stop();
  };
  return { stores, client, stop };
}

const holidays: CalendarInput = { type: 'dates', dates: ['2030-12-25'], timeZone: 'Europe/Berlin' };
const weekend: CalendarInput = { type: 'weekly', days: ['SAT', 'SUN'], base: 'holidays' };
const target: JobInput['target'] = { type: 'handler', handler: 'report' };
const christmas = {
  schedule: { type: 'cron' as const, expression: '0 9 25 12 *' },
  startAt: '2030-12-01T00:00:00Z',
  timeZone: 'Europe/Berlin',
};

describe.each([
  ['over Redis', overRedis],
  ['over REST and the memory store', overRest],
])('calendars of a client %s', (_name, open) => {
  let stores: Stores;
  let client: JobClient;
  let stop: () => Promise<void>;
  beforeEach(async () => {
    ({ stores, client, stop } = await open());
  });
  afterEach(() => stop());

  it('are put, read, listed and deleted', async () => {
    const first = await client.putCalendar('holidays', holidays);
    expect(first).toMatchObject({
      outcome: 'created',
      calendar: { ...holidays, namespace: 'app', name: 'holidays', version: 1 },
    });
    expect((await client.putCalendar('holidays', holidays)).outcome).toBe('unchanged');
    await client.putCalendar('weekend', weekend);
    expect(await client.getCalendar('holidays')).toEqual(first.calendar);
    const { type, timeZone } = holidays;
    const { namespace, name, version, createdAt, updatedAt } = first.calendar;
    const listed = await client.listCalendars();
    expect(listed[0]).toEqual({ type, timeZone, namespace, name, version, createdAt, updatedAt });
    expect(listed.map((calendar) => [calendar.name, calendar.base])).toEqual([
      ['holidays', undefined],
      ['weekend', 'holidays'],
    ]);
    await client.deleteCalendar('weekend');
    await expect(client.deleteCalendar('weekend')).rejects.toMatchObject({ code: 'CJ_CALENDAR_NOT_FOUND' });
    await expect(client.getCalendar('weekend')).rejects.toMatchObject({ code: 'CJ_CALENDAR_NOT_FOUND' });
  });

  it('may be changed as they were read', async () => {
    await client.putCalendar('holidays', holidays);
    const read = await client.getCalendar('holidays');
    const { outcome, calendar } = await client.putCalendar(
      'holidays',
      { ...read, mode: 'include' },
      {
        ifVersion: read.version,
      },
    );
    expect([outcome, calendar.version, calendar.mode]).toEqual(['changed', 2, 'include']);
    await expect(client.putCalendar('holidays', holidays, { ifVersion: 1 })).rejects.toMatchObject({
      code: 'CJ_VERSION_CONFLICT',
    });
    await expect(client.deleteCalendar('holidays', { ifVersion: 1 })).rejects.toMatchObject({
      code: 'CJ_VERSION_CONFLICT',
    });
  });

  it('are taken as an iCalendar file larger than JSON may be', async () => {
    const event = (day: number) =>
      `BEGIN:VEVENT\r\nUID:${day}\r\nDESCRIPTION:${'x'.repeat(300)}\r\nDTSTART;VALUE=DATE:${20300000 + (1 + (day % 12)) * 100 + 1 + (day % 28)}\r\nEND:VEVENT\r\n`;
    const ics = `BEGIN:VCALENDAR\r\nVERSION:2.0\r\n${Array.from({ length: 900 }, (_, i) => event(i)).join('')}END:VCALENDAR\r\n`;
    expect(ics.length).toBeGreaterThan(300_000);
    const written: CalendarInput = {
      type: 'ics',
      ics,
      mode: 'exclude',
      timeZone: 'Europe/Berlin',
      description: 'days & nights',
    };
    await client.putCalendar('file', written);
    expect(await client.getCalendar('file')).toMatchObject(written);
  });

  it('shape the fires of triggers, by themselves and inline in a job', async () => {
    await client.putCalendar('holidays', holidays);
    const { job } = await client.putJob({ name: 'report', target, ...christmas, calendars: ['holidays'] });
    expect(job).toMatchObject({ calendars: ['holidays'], status: { nextAt: '2031-12-25T08:00:00.000Z' } });
    const { trigger } = await client.putTrigger('report', {
      name: 'own',
      ...christmas,
      calendars: ['holidays', 'holidays'],
    });
    expect(trigger).toMatchObject({ calendars: ['holidays'], status: { nextAt: '2031-12-25T08:00:00.000Z' } });
    const changed = await client.patchTrigger('report', 'own', { calendars: null });
    expect(changed).toMatchObject({ status: { nextAt: '2030-12-25T08:00:00.000Z' } });
    expect(changed).not.toHaveProperty('calendars');
    await client.putTriggers('report', [{ name: 'many', ...christmas, calendars: ['holidays'] }]);
    expect(await client.getTrigger('report', 'many')).toMatchObject({ status: { nextAt: '2031-12-25T08:00:00.000Z' } });
  });

  it('have to exist where they are named, and the field is told', async () => {
    const unknown = { code: 'CJ_CALENDAR_NOT_FOUND', violations: [{ field: 'calendars[1]' }] };
    await client.putCalendar('holidays', holidays);
    const calendars = ['holidays', 'none'];
    await expect(client.putJob({ name: 'report', target, ...christmas, calendars })).rejects.toMatchObject(unknown);
    await client.putJob({ name: 'report', target });
    await expect(client.putTrigger('report', { name: 'own', ...christmas, calendars })).rejects.toMatchObject(unknown);
    await expect(
      client.putTrigger('report', { name: 'own', ...christmas, calendars, paused: true }),
    ).rejects.toMatchObject(unknown);
    const [result] = await client.putTriggers('report', [{ name: 'own', ...christmas, calendars }]);
    expect(result).toMatchObject({
      error: { code: 'CJ_CALENDAR_NOT_FOUND', violations: [{ field: 'triggers[0].calendars[1]' }] },
    });
    await expect(client.putCalendar('a', { ...holidays, base: 'none' })).rejects.toMatchObject({
      code: 'CJ_CALENDAR_NOT_FOUND',
      violations: [{ field: 'base' }],
    });
  });

  it('that leave nothing to fire are refused', async () => {
    await client.putCalendar('never', { type: 'annual', days: ['12-25'] });
    await expect(client.putJob({ name: 'report', target, ...christmas, calendars: ['never'] })).rejects.toMatchObject({
      code: 'CJ_SCHEDULE_INVALID',
      violations: [{ field: 'calendars', message: 'nothing will ever fire: every time is excluded' }],
    });
  });

  it('are not deleted while somebody names them', async () => {
    await client.putCalendar('holidays', holidays);
    await client.putCalendar('weekend', weekend);
    await expect(client.deleteCalendar('holidays')).rejects.toMatchObject({
      code: 'CJ_STATE_CONFLICT',
      message: 'calendar app/holidays cannot be deleted: it is used by weekend',
    });
    for (const name of ['one', 'two', 'three']) {
      await client.putJob({ name, target, ...christmas, calendars: name === 'three' ? ['holidays'] : ['weekend'] });
    }
    await expect(client.deleteCalendar('weekend')).rejects.toMatchObject({
      message: 'calendar app/weekend cannot be deleted: it is used by app/one/default, app/two/default',
    });
    await client.deleteJob('one');
    await client.deleteJob('two');
    await client.deleteCalendar('weekend');
  });

  it('can be missing, and what names them can still be paused', async () => {
    await client.putCalendar('holidays', holidays);
    await client.putJob({ name: 'report', target });
    await client.putTrigger('report', { name: 'own', ...christmas, calendars: ['holidays'] });
    await stores.calendars.deleteCalendar('app', 'holidays');
    expect(await client.pauseTrigger('report', 'own')).toMatchObject({ status: { state: 'paused' } });
    await expect(client.resumeTrigger('report', 'own')).rejects.toMatchObject({ code: 'CJ_CALENDAR_NOT_FOUND' });
  });

  it('that change while triggers are written make the leaders look at these once more', async () => {
    await client.putCalendar('holidays', holidays);
    await client.putJob({ name: 'report', target });
    const inTime = { name: 'a', ...christmas, calendars: ['holidays'] };
    await client.putTrigger('report', inTime);
    expect(await stores.calendars.revision()).toBe(1);
    const putTriggers = stores.jobs.putTriggers.bind(stores.jobs);
    stores.jobs.putTriggers = async (...args) => {
      const definition = { type: 'dates' as const, dates: [`2030-01-${10 + (await stores.calendars.revision())}`] };
      await stores.calendars.putCalendar({ namespace: 'app', name: 'holidays', definition });
      return putTriggers(...args);
    };
    await client.putTrigger('report', { ...inTime, name: 'b' });
    expect(await stores.calendars.revision()).toBe(3);
    await client.putTriggers('report', [{ ...inTime, name: 'c' }]);
    expect(await stores.calendars.revision()).toBe(5);
  });

  it('tell of their changes', async () => {
    const events: ClusterEvent[] = [];
    const unsubscribe = await stores.events.subscribe((event) => events.push(event));
    await client.putCalendar('holidays', holidays);
    await client.putCalendar('holidays', holidays);
    await client.deleteCalendar('holidays');
    await eventually('both events', () => events.length >= 2);
    await unsubscribe();
    expect(events.map(({ type, namespace, facts }) => ({ type, namespace, facts }))).toEqual([
      { type: 'calendar-changed', namespace: 'app', facts: { calendar: 'holidays', outcome: 'created' } },
      { type: 'calendar-changed', namespace: 'app', facts: { calendar: 'holidays', outcome: 'deleted' } },
    ]);
  });

  it('are part of a preview, by name or written out', async () => {
    await client.putCalendar('holidays', holidays);
    const daily = {
      schedule: { type: 'cron' as const, expression: '0 9 * * *' },
      after: '2030-12-24T12:00:00Z',
      count: 2,
    };
    const days = async (calendars: (string | CalendarInput)[]) =>
      (await client.previewSchedule({ ...daily, calendars })).fires.map(({ at }) => at.slice(5, 10));
    expect(await days([])).toEqual(['12-25', '12-26']);
    expect(await days(['holidays'])).toEqual(['12-26', '12-27']);
    expect(await days(['holidays', { type: 'dates', dates: ['2030-12-26'] }])).toEqual(['12-27', '12-28']);
    expect(await days([{ type: 'dates', dates: ['2030-12-26'], base: 'holidays' }])).toEqual(['12-27', '12-28']);
    await expect(days(['holidays', 'none'])).rejects.toMatchObject({
      code: 'CJ_CALENDAR_NOT_FOUND',
      violations: [{ field: 'calendars[1]' }],
    });
    await expect(days([{ type: 'dates', dates: ['2030-12-26'], base: 'none' }])).rejects.toMatchObject({
      violations: [{ field: 'calendars[0].base' }],
    });
    await expect(days([{ type: 'cron', expression: '61 * * * *' }])).rejects.toMatchObject({
      violations: [{ field: 'calendars[0].expression' }],
    });
  });
});
