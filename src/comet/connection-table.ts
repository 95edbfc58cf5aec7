import type { Connection } from './connection.js';
import { userKeyOf, type NodeEvent, type UserKey } from './mailbox.js';

/** The connections that this node holds, by user. */
export class ConnectionTable {
  readonly #byUser = new Map<UserKey, Set<Connection>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(connection: Connection): void {
    const key = userKeyOf(connection.user);
    const connections = this.#byUser.get(key) ?? new Set();
    this.#byUser.set(key, connections.add(connection));
    this.#size += 1;
  }

  remove(connection: Connection): void {
    const key = userKeyOf(connection.user);
    const connections = this.#byUser.get(key);
    if (connections?.delete(connection) !== true) return;
    this.#size -= 1;
    if (connections.size === 0) this.#byUser.delete(key);
  }

  deliver(events: readonly NodeEvent[]): void {
    for (const event of events) {
      for (const connection of this.#byUser.get(event.user) ?? []) connection.deliver(event);
    }
  }

  /** As it is now; safe to close connections while walking through it. */
  all(): readonly Connection[] {
    return [...this.#byUser.values()].flatMap((connections) => [...connections]);
  }
}
