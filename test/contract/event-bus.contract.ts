import { describe, expect, it } from 'vitest';
import type { ClusterEvent } from '../../src/store/event-bus.js';
import { eventually } from '../support/wait.js';
import { open, type StoresFactory } from './factory.js';

function anEvent(n: number): ClusterEvent {
  return { type: 'fired', at: 1_800_000_000_000 + n, namespace: 'shop', facts: { execution: `e${n}`, shard: n } };
}

export function describeEventBus(name: string, makeStores: StoresFactory): void {
  describe(`${name}: EventBus`, () => {
    it('brings events to every subscriber, whole, and those of one call in order', async () => {
      const { events } = (await open(makeStores)).stores;
      const first: ClusterEvent[] = [];
      const second: ClusterEvent[] = [];
      await events.subscribe((event) => first.push(event));
      await events.subscribe((event) => second.push(event));
      const published = [anEvent(1), anEvent(2), { type: 'leader-changed', at: 5, facts: {} } satisfies ClusterEvent];
      events.publish(published.slice(0, 2));
      events.publish(published.slice(2));
      await eventually('all events at both subscribers', () => first.length === 3 && second.length === 3);
      // Servers of a Redis Cluster pass calls on to each other, and one call may overtake another.
      for (const arrived of [first, second]) {
        expect(arrived.filter(({ type }) => type === 'fired')).toEqual(published.slice(0, 2));
        expect(arrived).toContainEqual(published[2]);
      }
    });

    it('brings nothing to who has unsubscribed', async () => {
      const { events } = (await open(makeStores)).stores;
      const gone: ClusterEvent[] = [];
      const there: ClusterEvent[] = [];
      const unsubscribe = await events.subscribe((event) => gone.push(event));
      await events.subscribe((event) => there.push(event));
      await unsubscribe();
      events.publish([anEvent(1)]);
      await eventually('the event at the other subscriber', () => there.length === 1);
      expect(gone).toEqual([]);
    });
  });
}
