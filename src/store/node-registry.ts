import type { JsonObject } from '../domain/json.js';
import type { EpochMs } from '../domain/time/instant.js';

export type NodeRole = 'scheduler' | 'worker' | 'api' | 'comet';

/** A live process in one of its roles, as it last described itself. */
export interface NodeRecord {
  readonly role: NodeRole;
  /** Unique among the processes of the cluster; new with every start. */
  readonly id: string;
  readonly facts: JsonObject;
  readonly seenAt: EpochMs;
}

/** Who is there: for people, for the gate, never for leadership. A record counts for `NODE_TTL_MS` after it was announced. */
export interface NodeRegistry {
  announce(role: NodeRole, id: string, facts: JsonObject): Promise<void>;
  withdraw(role: NodeRole, id: string): Promise<void>;
  /** Live records, by id. */
  list(role: NodeRole): Promise<readonly NodeRecord[]>;
}

export const NODE_ANNOUNCE_MS = 2000;
export const NODE_TTL_MS = 7000;
