import { describe, expect, it } from 'vitest';
import type { CalendarDefinition } from '../../src/domain/calendar.js';
import { MAX_CALENDARS } from '../../src/domain/limits.js';
import type { CalendarStore } from '../../src/store/calendar-store.js';
import { open, type StoresFactory } from './factory.js';

function closedOn(date: string, base?: string): CalendarDefinition {
  return { type: 'dates', dates: [date], ...(base === undefined ? {} : { base }) };
}

const put = (calendars: CalendarStore, name: string, definition: CalendarDefinition, namespace = 'shop') =>
  calendars.putCalendar({ namespace, name, definition });

export function describeCalendarStore(name: string, makeStores: StoresFactory): void {
  describe(`${name}: CalendarStore`, () => {
    describePutCalendar(makeStores);
    describeRest(makeStores);
  });
}

function describePutCalendar(makeStores: StoresFactory): void {
  describe('putCalendar', () => {
    it('stores a new calendar with version 1, and reads it back as it was written', async () => {
      const { stores } = await open(makeStores);
      const before = await stores.executions.serverTime();
      const definition: CalendarDefinition = {
        type: 'daily',
        from: '22:00',
        to: '06:00',
        mode: 'include',
        description: 'é|\n',
      };
      const { outcome, calendar } = await put(stores.calendars, 'night', definition);
      expect(outcome).toBe('created');
      const { createdAt } = calendar;
      expect(calendar).toEqual({
        namespace: 'shop',
        name: 'night',
        definition,
        version: 1,
        createdAt,
        updatedAt: createdAt,
      });
      expect(createdAt).toBeGreaterThanOrEqual(before);
      expect(await stores.calendars.getCalendar('shop', 'night')).toEqual(calendar);
      expect(await stores.calendars.getCalendar('other', 'night')).toBeNull();
    });

    it('raises version and revision with a change, and neither when it is equal', async () => {
      const { stores, advance } = await open(makeStores);
      const { calendars } = stores;
      const first = (await put(calendars, 'holidays', closedOn('2026-12-25'))).calendar;
      await advance(5);
      const revision = await calendars.revision();
      expect(await put(calendars, 'holidays', closedOn('2026-12-25'))).toEqual({
        outcome: 'unchanged',
        calendar: first,
      });
      expect(await calendars.revision()).toBe(revision);
      const { outcome, calendar } = await put(calendars, 'holidays', closedOn('2026-12-26'));
      expect(outcome).toBe('changed');
      expect(calendar).toMatchObject({ version: 2, createdAt: first.createdAt });
      expect(calendar.updatedAt).toBeGreaterThan(first.updatedAt);
      expect(await calendars.revision()).toBeGreaterThan(revision);
    });

    it('writes only over the expected version', async () => {
      const { calendars } = (await open(makeStores)).stores;
      const expecting = (expectedVersion: number | null) =>
        calendars.putCalendar({ namespace: 'shop', name: 'a', definition: closedOn('2026-01-01'), expectedVersion });
      await expect(expecting(1)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT', details: { actual: null } });
      expect(await expecting(null)).toMatchObject({ outcome: 'created' });
      await expect(expecting(null)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT', details: { actual: 1 } });
      await expect(expecting(2)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      expect(await expecting(1)).toMatchObject({ outcome: 'unchanged' });

      const change = { namespace: 'shop', name: 'a', definition: closedOn('2026-01-02'), expectedVersion: 1 };
      const changed = await calendars.putCalendar(change);
      expect(await calendars.putCalendar(change), 'sent again').toEqual(changed);
      await expect(expecting(1), 'another content').rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
    });

    it('refuses a base that does not exist in the namespace', async () => {
      const { calendars } = (await open(makeStores)).stores;
      await put(calendars, 'base', closedOn('2026-01-01'), 'other');
      await expect(put(calendars, 'a', closedOn('2026-01-01', 'base'))).rejects.toMatchObject({
        code: 'CJ_CALENDAR_NOT_FOUND',
        violations: [{ field: 'base' }],
      });
      expect(await calendars.listCalendars('shop')).toEqual([]);
    });

    it('refuses bases that lead back, at once or over others', async () => {
      const { calendars } = (await open(makeStores)).stores;
      await put(calendars, 'a', closedOn('2026-01-01'));
      await put(calendars, 'b', closedOn('2026-01-02', 'a'));
      await put(calendars, 'c', closedOn('2026-01-03', 'b'));
      const revision = await calendars.revision();
      for (const base of ['a', 'b', 'c']) {
        await expect(put(calendars, 'a', closedOn('2026-01-01', base))).rejects.toMatchObject({
          code: 'CJ_VALIDATION_FAILED',
          violations: [{ field: 'base' }],
        });
      }
      expect(await calendars.revision()).toBe(revision);
      // Without a base of its own nothing leads back any more.
      await put(calendars, 'b', closedOn('2026-01-02'));
      expect(await put(calendars, 'a', closedOn('2026-01-01', 'b'))).toMatchObject({ outcome: 'changed' });
    });

    it('refuses more calendars of a namespace than there may be, and still changes those that are there', async () => {
      const { calendars } = (await open(makeStores)).stores;
      await Promise.all(
        Array.from({ length: MAX_CALENDARS }, (_, i) => put(calendars, `c${i}`, closedOn('2026-01-01'))),
      );
      await expect(put(calendars, 'more', closedOn('2026-01-01'))).rejects.toMatchObject({ code: 'CJ_STATE_CONFLICT' });
      expect(await put(calendars, 'c0', closedOn('2026-01-02'))).toMatchObject({ outcome: 'changed' });
      expect(await put(calendars, 'more', closedOn('2026-01-01'), 'other')).toMatchObject({ outcome: 'created' });
    });
  });
}

function describeRest(makeStores: StoresFactory): void {
  describe('listCalendars', () => {
    it('lists those of one namespace by name', async () => {
      const { calendars } = (await open(makeStores)).stores;
      for (const name of ['b', 'a', 'c']) await put(calendars, name, closedOn('2026-01-01'));
      await put(calendars, 'x', closedOn('2026-01-01'), 'other');
      expect((await calendars.listCalendars('shop')).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
      expect(await calendars.listCalendars('none')).toEqual([]);
    });
  });

  describe('deleteCalendar', () => {
    it('deletes, at the expected version only, and starts again at version 1', async () => {
      const { calendars } = (await open(makeStores)).stores;
      await put(calendars, 'a', closedOn('2026-01-01'));
      await put(calendars, 'a', closedOn('2026-01-02'));
      await expect(calendars.deleteCalendar('shop', 'a', 1)).rejects.toMatchObject({ code: 'CJ_VERSION_CONFLICT' });
      const revision = await calendars.revision();
      expect(await calendars.deleteCalendar('shop', 'a', 2)).toBe(true);
      expect(await calendars.deleteCalendar('shop', 'a')).toBe(false);
      expect(await calendars.revision()).toBe(revision + 1);
      expect(await calendars.getCalendar('shop', 'a')).toBeNull();
      expect(await put(calendars, 'a', closedOn('2026-01-01'))).toMatchObject({
        outcome: 'created',
        calendar: { version: 1 },
      });
    });

    it('refuses while others stand on it, and names them', async () => {
      const { calendars } = (await open(makeStores)).stores;
      await put(calendars, 'base', closedOn('2026-01-01'));
      await put(calendars, 'z', closedOn('2026-01-01', 'base'));
      await put(calendars, 'a', closedOn('2026-01-01', 'base'));
      await expect(calendars.deleteCalendar('shop', 'base')).rejects.toMatchObject({
        code: 'CJ_STATE_CONFLICT',
        details: { users: ['a', 'z'] },
      });
      await calendars.deleteCalendar('shop', 'a');
      await put(calendars, 'z', closedOn('2026-01-01'));
      expect(await calendars.deleteCalendar('shop', 'base')).toBe(true);
    });
  });

  describe('touch', () => {
    it('raises the revision and leaves the calendars alone', async () => {
      const { calendars } = (await open(makeStores)).stores;
      const { calendar } = await put(calendars, 'a', closedOn('2026-01-01'), 'one');
      await calendars.touch('one');
      expect(await calendars.revision()).toBe(2);
      expect(Object.fromEntries(await calendars.revisions())).toEqual({ one: 2 });
      expect(await calendars.listCalendars('one')).toEqual([calendar]);
    });
  });

  describe('revisions', () => {
    it('tell for each namespace when something of it was changed last', async () => {
      const { calendars } = (await open(makeStores)).stores;
      expect([await calendars.revision(), [...(await calendars.revisions())]]).toEqual([0, []]);
      await put(calendars, 'a', closedOn('2026-01-01'), 'one');
      await put(calendars, 'a', closedOn('2026-01-01'), 'two');
      expect(Object.fromEntries(await calendars.revisions())).toEqual({ one: 1, two: 2 });
      await calendars.deleteCalendar('one', 'a');
      expect(Object.fromEntries(await calendars.revisions())).toEqual({ one: 3, two: 2 });
      expect(await calendars.revision()).toBe(3);
    });
  });
}
