import type { JsonObject } from '../domain/json.js';
import type { EpochMs } from '../domain/time/instant.js';
import type { Unsubscribe } from './execution-store.js';

export type ClusterEventType =
  | 'fired'
  | 'missed'
  | 'skipped'
  | 'started'
  | 'succeeded'
  | 'retrying'
  | 'failed'
  | 'cancelled'
  | 'leader-changed'
  | 'rescued'
  | 'calendar-changed'
  | 'replanned'
  | 'repaired'
  | 'rolled-back';

/** Something that happened, for people who watch: best effort, not stored, never the basis of a decision. */
export interface ClusterEvent {
  readonly type: ClusterEventType;
  readonly at: EpochMs;
  readonly namespace?: string;
  /** Ids and facts: `job`, `trigger`, `execution`, `shard`, `epoch`, `member`, … */
  readonly facts: JsonObject;
}

export interface EventBus {
  /** Events of one call arrive in order. In a Redis Cluster one call may overtake another. */
  publish(events: readonly ClusterEvent[]): void;
  /** `onGap` is called when events may have been missed and are heard again. */
  subscribe(listener: (event: ClusterEvent) => void, onGap?: () => void): Promise<Unsubscribe>;
}
