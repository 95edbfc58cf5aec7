import type { Epoch, ShardId } from '../domain/shard.js';
import type { RollbackRecord, ShardProgress } from '../domain/shard-progress.js';

export type MarkResult =
  | { readonly outcome: 'marked'; readonly commits: number; readonly history: string }
  | { readonly outcome: 'behind'; readonly found: ShardProgress };

/**
 * How far the leaders' writes to a shard have come, so that a store that has lost some can be told from one that has
 * not. Methods may throw `StoreUnavailableError`, those with an epoch `FencedError`.
 */
export interface ProgressStore {
  /** How often this process lost its connection to the store, or a part of it: what is behind it may be another one now. */
  readonly interruptionCount: number;

  readProgress(shard: ShardId): Promise<ShardProgress>;

  /**
   * Counts one commit, if nothing that is known was lost: the fence is not below `epoch`, the history is the known
   * one (null = none is known yet, and one is begun if there is none), there are at least `commits`. Else `behind`,
   * and nothing is written.
   */
  markProgress(
    shard: ShardId,
    epoch: Epoch,
    known: { readonly history: string | null; readonly commits: number },
  ): Promise<MarkResult>;

  /** Keeps what was found for people to see. Each replaces the one before. */
  recordRollback(shard: ShardId, epoch: Epoch, rollback: RollbackRecord): Promise<void>;

  /** The last one; null when there was none. */
  readRollback(shard: ShardId): Promise<RollbackRecord | null>;
}
