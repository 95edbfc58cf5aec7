import type { Epoch, MemberId, ShardId } from '../domain/shard.js';

export type TermEndReason = 'resigned' | 'disconnected' | 'expired' | 'fenced' | 'lost' | 'rolled-back' | 'stopping';

/**
 * One uninterrupted leadership of one shard. Its epoch goes with every write. A holder asks `isTrusted`
 * immediately before each batch; the fence in the store refuses what slips through.
 */
export interface LeadershipTerm {
  readonly shard: ShardId;
  readonly epoch: Epoch;
  readonly member: MemberId;
  /** Aborted when the term is over, with a `TermEndReason` as its reason; never revoked. */
  readonly ended: AbortSignal;
  /** False once the local trust window has passed, even if nobody has said so yet. Reads the monotonic clock. */
  isTrusted(): boolean;
  /** The holder gives up, e.g. after a fenced write. The elector will not keep the shard on this epoch. Idempotent. */
  end(reason: TermEndReason): void;
}
