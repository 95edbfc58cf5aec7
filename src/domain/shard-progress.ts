import type { EpochMs } from './time/instant.js';

/** What the store says of a shard. */
export interface ShardProgress {
  readonly epoch: number;
  /** Counts leaders' commits; never goes back by itself. */
  readonly commits: number;
  /** Random name of this line of commits; null when it has not begun. */
  readonly history: string | null;
}

/** What a leader knows from answers of the store: at least this is there, unless something was lost. */
export interface KnownProgress extends ShardProgress {
  readonly history: string;
  /** The latest due instant whose fires were acknowledged; 0 = none. */
  readonly decidedThrough: EpochMs;
  /** After a loss: fires due up to here may have been fired before; 0 = none. */
  readonly lostThrough: EpochMs;
}

/**
 * `rolled-back`: an earlier state of the same store. `emptied`: nothing is left. `foreign`: commits of leaders of
 * another history: this is not the store that is known.
 */
export type LossKind = 'rolled-back' | 'emptied' | 'foreign';

export interface RollbackRecord {
  readonly kind: Exclude<LossKind, 'foreign'>;
  readonly at: EpochMs;
  /** Commits of leaders that were acknowledged and are gone, at least. */
  readonly lostCommits: number;
  /** Fires due up to here had been decided, and are decided again. */
  readonly decidedThrough: EpochMs;
}

/** What has become of what was known; null = all of it is there. */
export function lossOf(known: ShardProgress & { history: string }, found: ShardProgress): LossKind | null {
  if (found.history === null) return found.commits === 0 ? 'emptied' : 'rolled-back';
  if (found.history !== known.history) return 'foreign';
  return found.commits < known.commits || found.epoch < known.epoch ? 'rolled-back' : null;
}

/** Of two that know, what both know; of different histories that of the later epoch. */
export function joinKnown(a: KnownProgress | null, b: KnownProgress | null): KnownProgress | null {
  if (a === null || b === null) return a ?? b;
  if (a.history !== b.history) return a.epoch > b.epoch ? a : b;
  return {
    history: a.history,
    epoch: Math.max(a.epoch, b.epoch),
    commits: Math.max(a.commits, b.commits),
    decidedThrough: Math.max(a.decidedThrough, b.decidedThrough),
    lostThrough: Math.max(a.lostThrough, b.lostThrough),
  };
}
