import { describe, expect, it, onTestFinished } from 'vitest';
import { StoreUnavailableError } from '../../src/domain/errors.js';
import type { CalendarDefinition } from '../../src/domain/calendar.js';
import type { TriggerDefinition } from '../../src/domain/trigger.js';
import type { ExecutionStore } from '../../src/store/execution-store.js';
import { every, JOB, setup } from './shard-fixture.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;

/** The test starts at 2026-11-21T00:00:00Z. Excludes from..to, UTC. */
function closed(from: string, to: string): CalendarDefinition {
  return { type: 'daily', from, to, timeZone: 'UTC' };
}

function cron(expression: string, fields: Partial<TriggerDefinition> = {}): Partial<TriggerDefinition> {
  return { schedule: { type: 'cron', expression }, overlap: 'allow', ...fields };
}

function world() {
  const fixture = setup();
  const { stores, calendars, clock, origin } = fixture;
  /** Writes the calendar and lets everybody hear of it. */
  async function putCalendar(name: string, definition: CalendarDefinition): Promise<void> {
    await stores.calendars.putCalendar({ namespace: 'shop', name, definition });
    await calendars.refresh();
    await clock.advance(20);
  }
  async function dueAt(name: string): Promise<number | undefined> {
    const due = (await stores.jobs.getTrigger(`${JOB}/${name}`))?.dueAt;
    return due === undefined ? undefined : due - origin;
  }
  return { ...fixture, putCalendar, dueAt };
}

describe('a trigger with calendars', () => {
  it('fires at no time that is excluded', async () => {
    const { clock, lead, put, putCalendar, fired } = world();
    await putCalendar('night', closed('00:02', '00:05'));
    await put({ a: { ...every(MINUTE), calendars: ['night'] }, b: every(2 * MINUTE) });
    await lead();
    await clock.advance(6 * MINUTE);
    expect(await fired()).toEqual(['a@60000+0', 'b@120000+0', 'b@240000+0', 'a@300000+0', 'a@360000+0', 'b@360000+0']);
  });

  it('fires at no excluded time after an outage either, and makes up for the others', async () => {
    const { clock, lead, put, putCalendar, records, origin } = world();
    await putCalendar('night', closed('00:02', '00:05'));
    const misfire = { policy: 'fireAll', graceMs: 0, maxAgeMs: 86_400_000, maxCount: 100 } as const;
    await put({ all: { ...every(MINUTE), calendars: ['night'], misfire } });
    await clock.advance(7 * MINUTE);
    await lead();
    await clock.advance(100);
    const at = (await records()).map(({ nominalAt, state }) => `${state}@${(nominalAt - origin) / MINUTE}`);
    expect(at).toEqual(['queued@1', 'queued@5', 'queued@6', 'queued@7']);
  });

  it('makes up once for the last time that was not excluded, where fireOnce is asked for', async () => {
    const { clock, lead, put, putCalendar, records, origin } = world();
    await putCalendar('night', closed('00:02', '00:30'));
    const misfire = { policy: 'fireOnce', graceMs: 0, maxAgeMs: 86_400_000, maxCount: 100 } as const;
    await put({ once: { ...every(MINUTE), calendars: ['night'], misfire } });
    await clock.advance(7 * MINUTE);
    await lead();
    await clock.advance(100);
    expect((await records()).map(({ nominalAt, state }) => [state, nominalAt - origin])).toEqual([['queued', MINUTE]]);
  });

  it('does not fire while a calendar that it names is missing, others go on, and it fires again once it is there', async () => {
    const { clock, lead, put, putCalendar, fired } = world();
    await put({ a: { ...every(MINUTE), calendars: ['gone'] }, b: every(MINUTE) });
    const { metrics } = await lead();
    await clock.advance(2 * MINUTE + 5000);
    expect(await fired()).toEqual(['b@60000+0', 'b@120000+0']);
    const undecidable = { labels: { outcome: 'undecidable' }, value: expect.any(Number) };
    expect((await metrics.fires.get()).values).toContainEqual(undecidable);
    await putCalendar('gone', closed('12:00', '13:00'));
    await clock.advance(1000);
    expect((await fired()).filter((text) => text.startsWith('a@'))).toEqual([
      expect.stringMatching(/^a@120000\+50\d\d$/),
    ]);
  });
});

describe('a changed calendar', () => {
  it('holds from its change on, however late a leader hears of it', async () => {
    const { clock, stores, calendars, lead, put, putCalendar, records, origin } = world();
    await putCalendar('hours', closed('00:00', '06:00'));
    await put({ a: { ...cron('*/10 * * * *'), calendars: ['hours'] } });
    await lead();
    await clock.advance(25 * MINUTE);
    await stores.calendars.putCalendar({ namespace: 'shop', name: 'hours', definition: closed('12:00', '13:00') });
    await clock.advance(10 * MINUTE);
    await calendars.refresh();
    await clock.advance(30 * MINUTE);
    const at = (await records()).map(({ nominalAt, state }) => `${state}@${(nominalAt - origin) / MINUTE}`);
    expect(at).toEqual(['queued@30', 'queued@40', 'queued@50', 'queued@60']);
  });

  it('takes back a fire that was decided and not sent', async () => {
    const { clock, lead, put, putCalendar, fired } = world();
    await putCalendar('hours', closed('12:00', '13:00'));
    await put({ a: { ...cron('*/10 * * * *'), calendars: ['hours'] } });
    await lead();
    await clock.advance(10 * MINUTE - 300);
    await putCalendar('hours', closed('00:05', '00:25'));
    await clock.advance(30 * MINUTE);
    expect(await fired()).toEqual(['a@1800000+0']);
  });

  it('takes it back also while the shard cannot be gone over', async () => {
    const { clock, stores, lead, put, putCalendar, fired } = world();
    await putCalendar('hours', closed('12:00', '13:00'));
    await put({
      a: { ...cron('*/10 * * * *'), calendars: ['hours'] },
      b: { ...cron('*/10 * * * *'), calendars: ['new'] },
    });
    await lead();
    await clock.advance(10 * MINUTE - 300);
    stores.planning.scanTriggers = () => Promise.reject(new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', 'down'));
    await putCalendar('hours', closed('00:05', '00:25'));
    await putCalendar('new', closed('12:00', '13:00'));
    await clock.advance(30 * MINUTE);
    expect(await fired()).toEqual(['b@600000+0', 'b@1200000+0', 'a@1800000+0', 'b@1800000+0']);
  });

  it('moves also what a fire brings that was under way, decided with the calendar of before', async () => {
    const { clock, faulty, lead, put, putCalendar, dueAt } = world();
    await putCalendar('hours', closed('00:15', '06:00'));
    await put({ a: { ...cron('*/10 * * * *'), calendars: ['hours'] } });
    let reachStore: () => void = () => undefined;
    const isHeld = new Promise<void>((resolve) => (reachStore = resolve));
    const slow = Object.create(faulty.store, {
      fire: {
        value: async (...args: Parameters<ExecutionStore['fire']>) => isHeld.then(() => faulty.store.fire(...args)),
      },
    }) as ExecutionStore;
    await lead(1, { store: slow });
    await clock.advance(10 * MINUTE);
    await putCalendar('hours', closed('12:00', '13:00'));
    await clock.advance(100);
    expect(await dueAt('a')).toBe(10 * MINUTE);
    reachStore();
    await clock.advance(100);
    expect(await dueAt('a')).toBe(20 * MINUTE);
  });

  it('moves the next due instant of exactly those that name it, and says how many', async () => {
    const { clock, lead, put, putCalendar, dueAt, watch } = world();
    await putCalendar('hours', closed('00:00', '06:00'));
    await putCalendar('other', closed('00:00', '06:00'));
    const ten = cron('*/10 * * * *');
    await put({ a: { ...ten, calendars: ['hours'] }, b: { ...ten, calendars: ['other'] }, c: ten });
    const { probe, metrics } = await lead();
    await clock.advance(50);
    expect([await dueAt('a'), await dueAt('b'), await dueAt('c')]).toEqual([6 * HOUR, 6 * HOUR, 10 * MINUTE]);
    const events = await watch();
    await putCalendar('hours', closed('00:00', '00:30'));
    expect([await dueAt('a'), await dueAt('b'), await dueAt('c')]).toEqual([30 * MINUTE, 6 * HOUR, 10 * MINUTE]);
    expect(probe.count('replanned')).toBe(2);
    expect((await metrics.replanned.get()).values).toEqual([{ labels: {}, value: 3 }]);
    const facts = { shard: 0, epoch: 1, scanned: 2, moved: 1, tz: '2026a', calendars: 3 };
    expect(events).toContainEqual({ type: 'replanned', at: expect.any(Number), facts });
  });

  it('fires a time that is included now and still ahead', async () => {
    const { clock, lead, put, putCalendar, fired } = world();
    await putCalendar('hours', closed('00:00', '06:00'));
    await put({ a: { ...cron('*/10 * * * *'), calendars: ['hours'] } });
    await lead();
    await clock.advance(15 * MINUTE);
    await putCalendar('hours', closed('12:00', '13:00'));
    await clock.advance(20 * MINUTE);
    expect(await fired()).toEqual(['a@1200000+0', 'a@1800000+0']);
  });

  it('leaves past times as they were, also where the next fire stays the same', async () => {
    const { clock, lead, put, putCalendar, records } = world();
    await putCalendar('hours', closed('00:30', '00:50'));
    const misfire = { policy: 'fireAll', graceMs: 0, maxAgeMs: 86_400_000, maxCount: 100 } as const;
    await put({ a: { ...cron('0,40,59 * * * *', { misfire }), calendars: ['hours'] } });
    await lead();
    await clock.advance(55 * MINUTE);
    await putCalendar('hours', closed('12:00', '13:00'));
    await clock.advance(10 * MINUTE);
    expect((await records()).map(({ nominalAt, state }) => `${state} ${new Date(nominalAt).toISOString()}`)).toEqual([
      'queued 2026-11-21T00:59:00.000Z',
      'queued 2026-11-21T01:00:00.000Z',
    ]);
  });

  it('gives a finished trigger the times that are left to it now', async () => {
    const { clock, lead, put, putCalendar, dueAt, fired, origin } = world();
    await putCalendar('hours', closed('12:00', '13:00'));
    await put({ a: { ...cron('*/10 * * * *', { endAt: origin + HOUR }), calendars: ['hours'] } });
    await lead();
    await putCalendar('hours', closed('00:00', '06:00'));
    expect(await dueAt('a')).toBeUndefined();
    await clock.advance(25 * MINUTE);
    await putCalendar('hours', closed('12:00', '13:00'));
    expect(await dueAt('a')).toBe(30 * MINUTE);
    await clock.advance(2 * HOUR);
    expect(await fired()).toEqual(['a@1800000+0', 'a@2400000+0', 'a@3000000+0']);
  });

  it('is planned for by the next leader if nobody led when it changed', async () => {
    const { clock, lead, put, putCalendar, dueAt } = world();
    await putCalendar('hours', closed('00:00', '06:00'));
    await put({ a: { ...cron('*/10 * * * *'), calendars: ['hours'] } });
    const first = await lead();
    await clock.advance(50);
    first.term.end('lost');
    await clock.advance(1000);
    await putCalendar('hours', closed('00:00', '00:30'));
    expect(await dueAt('a')).toBe(6 * HOUR);
    const second = await lead(2);
    await clock.advance(50);
    expect(await dueAt('a')).toBe(30 * MINUTE);
    expect(second.probe.count('replanned')).toBe(1);
  });

  it('is heard of without an announcement within a second or so', async () => {
    const { clock, stores, calendars, lead, put, dueAt } = world();
    const definition = closed('00:00', '06:00');
    await stores.calendars.putCalendar({ namespace: 'shop', name: 'hours', definition });
    await calendars.start();
    onTestFinished(() => calendars.stop());
    await clock.advance(0);
    await put({ a: { ...cron('*/10 * * * *'), calendars: ['hours'] } });
    await lead();
    await clock.advance(50);
    await stores.calendars.putCalendar({ namespace: 'shop', name: 'hours', definition: closed('00:00', '00:30') });
    await clock.advance(1100);
    expect(await dueAt('a')).toBe(30 * MINUTE);
  });
});

describe('changed zone data', () => {
  it('lets the next leader look at every trigger of the shard once', async () => {
    const { clock, stores, lead, put, dueAt, origin } = world();
    await put({ a: cron('0 1 * * *'), b: every(HOUR) });
    await lead(1, { tz: '2026a' });
    await clock.advance(50);
    expect(await stores.planning.readPlanning(0)).toEqual({ tz: '2026a', calendars: 0 });
    // As another release of the zone data would have it: an hour later.
    const stored = await stores.jobs.getTrigger(`${JOB}/a`);
    if (stored === null) throw new Error('not stored');
    const { version, watermark } = stored.state;
    const expected = { version, watermark, dueAt: stored.dueAt ?? null };
    const fence = await stores.executions.readFence(0);
    await stores.planning.moveDue(0, fence.epoch, [{ trigger: stored.key, expected, dueAt: origin + 2 * HOUR }]);
    const same = await lead(2, { tz: '2026a' });
    await clock.advance(50);
    expect([await dueAt('a'), same.probe.count('replanned')]).toEqual([2 * HOUR, 0]);
    const newer = await lead(3, { tz: '2026b' });
    await clock.advance(50);
    expect([await dueAt('a'), await dueAt('b')]).toEqual([HOUR, HOUR]);
    expect(newer.probe.count('replanned')).toBe(1);
    expect(await stores.planning.readPlanning(0)).toEqual({ tz: '2026b', calendars: 0 });
  });
});
