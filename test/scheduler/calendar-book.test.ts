import { describe, expect, it, onTestFinished } from 'vitest';
import { StoreUnavailableError } from '../../src/domain/errors.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { CalendarBook } from '../../src/scheduler/calendar-book.js';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { ManualClock } from '../support/manual-clock.js';

/** A book whose store can be away; `tell` is what its subscription hears. */
async function setup() {
  const clock = new ManualClock();
  const stores = new MemoryStores({ clock });
  const state = { isAway: false, looks: 0 };
  const { calendars } = stores;
  const revision = calendars.revision.bind(calendars);
  calendars.revision = () => {
    state.looks += 1;
    if (state.isAway) return Promise.reject(new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', 'away'));
    return revision();
  };
  const tell = { event: (_: ClusterEvent): void => undefined, gap: (): void => undefined };
  const events = {
    publish: () => undefined,
    subscribe: async (listener: (event: ClusterEvent) => void, onGap: () => void = () => undefined) => {
      tell.event = listener;
      tell.gap = onGap;
      return async () => undefined;
    },
  };
  const book = new CalendarBook({ calendars, events, clock, logger: silentLogger });
  await book.start();
  onTestFinished(() => book.stop());
  await clock.advance(0);
  const change = () =>
    stores.calendars.putCalendar({ namespace: 'n', name: 'c', definition: { type: 'weekly', days: ['SUN'] } });
  return { clock, book, tell, state, change };
}

describe('the calendars that a scheduler knows', () => {
  it('change at once where that is announced, within a second where it is not', async () => {
    const { clock, book, tell, change } = await setup();
    await change();
    tell.event({ type: 'calendar-changed', at: clock.now(), facts: {} });
    await clock.advance(0);
    expect(book.revision).toBe(1);
    await clock.advance(1);
    expect(book.changedAt('n', ['c'])).toBe(clock.now() - 1);
  });

  it('are looked at at once when announcements may have been missed, even while the store was just away', async () => {
    const { clock, book, tell, state, change } = await setup();
    state.isAway = true;
    await clock.advance(10_000);
    const before = state.looks;
    state.isAway = false;
    await change();
    tell.gap();
    await clock.advance(0);
    expect(book.revision).toBe(1);
    expect(state.looks).toBe(before + 1);
  });

  it('are looked at within a second of the return of a store that was away for long', async () => {
    const { clock, book, state, change } = await setup();
    state.isAway = true;
    await clock.advance(60_000);
    await change();
    state.isAway = false;
    await clock.advance(1000);
    expect(book.revision).toBe(1);
  });
});
