import type { JsonObject } from '../../domain/json.js';
import type { Clock } from '../../runtime/clock.js';
import { NODE_TTL_MS, type NodeRecord, type NodeRegistry, type NodeRole } from '../node-registry.js';

export class MemoryNodeRegistry implements NodeRegistry {
  readonly #clock: Clock;
  readonly #records = new Map<string, NodeRecord>();

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  async announce(role: NodeRole, id: string, facts: JsonObject): Promise<void> {
    this.#records.set(`${role}/${id}`, { role, id, facts: structuredClone(facts), seenAt: this.#clock.now() });
  }

  async withdraw(role: NodeRole, id: string): Promise<void> {
    this.#records.delete(`${role}/${id}`);
  }

  async list(role: NodeRole): Promise<readonly NodeRecord[]> {
    const now = this.#clock.now();
    for (const [key, record] of this.#records) {
      if (record.seenAt + NODE_TTL_MS <= now) this.#records.delete(key);
    }
    return [...this.#records.values()].filter((record) => record.role === role).sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
