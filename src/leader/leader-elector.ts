import type { ShardId } from '../domain/shard.js';
import type { Service } from '../runtime/service.js';
import type { LeadershipTerm } from './leadership-term.js';
import type { ShardCheckpoints } from './shard-checkpoints.js';

/**
 * Decides which shards this member leads.
 *
 *   follower ──won, epoch raised──▶ leading ──disconnected │ expired │ trust window passed │ fenced──▶ follower
 *                                      └──stop: resigned, handed over at once──▶ (end)
 *
 * A term is announced only after its epoch was raised above every earlier one. The listener seals the fence
 * as its first write. Transitions are delivered in order and never dropped. When a listener's work for an ended
 * term is still being wound up, a new term of the same shard may already be announced: listeners go by term.
 */
export interface LeaderElector extends Service {
  /** Set before `start`. Called once per term. */
  onTerm(listener: (term: LeadershipTerm) => void): void;
  /** Where leaders keep what they know of the store; undefined where nothing is outside of it. */
  readonly checkpoints?: ShardCheckpoints;
  /** Shards led now. */
  terms(): ReadonlyMap<ShardId, LeadershipTerm>;
}

/** Whether this member may lead at all, whatever the election says. */
export interface Fitness {
  /** Why it may not lead now, for people; null = it may. */
  refusal(): string | null;
  /** Calls `listener` after each change between null and not null. */
  onChanged(listener: () => void): void;
}
