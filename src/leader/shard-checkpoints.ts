import type { ShardId } from '../domain/shard.js';
import type { KnownProgress } from '../domain/shard-progress.js';

/** What leaders know of the store, kept where the store's losses do not reach. */
export interface ShardCheckpoints {
  /** Null when nothing is known. Errors: `CoordinationError`. */
  read(shard: ShardId): Promise<KnownProgress | null>;

  /**
   * Replaces what was last read or written by this member; null = nothing is known any more. False, and nothing is
   * written, when somebody else has written since. Errors: `CoordinationError`, and it may have been written.
   */
  write(shard: ShardId, known: KnownProgress | null): Promise<boolean>;
}
