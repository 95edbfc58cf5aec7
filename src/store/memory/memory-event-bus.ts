import type { ClusterEvent, EventBus } from '../event-bus.js';
import type { Unsubscribe } from '../execution-store.js';

export class MemoryEventBus implements EventBus {
  readonly #listeners = new Set<(event: ClusterEvent) => void>();

  publish(events: readonly ClusterEvent[]): void {
    if (this.#listeners.size === 0) return;
    queueMicrotask(() => {
      for (const event of events) for (const listener of [...this.#listeners]) listener(event);
    });
  }

  async subscribe(listener: (event: ClusterEvent) => void): Promise<Unsubscribe> {
    // One entry per subscription, also when a listener subscribes twice.
    const entry = (event: ClusterEvent): void => listener(event);
    this.#listeners.add(entry);
    return async () => void this.#listeners.delete(entry);
  }
}
