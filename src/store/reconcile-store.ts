import type { Epoch, ShardId } from '../domain/shard.js';
import type { Trigger } from '../domain/trigger.js';

/** What can be wrong, and is put right so that the records stay as they are. `docs/operations.md` explains each. */
export const REPAIR_KINDS = [
  'queued-not-ready',
  'running-without-lease',
  'retrying-without-retry',
  'ended-without-expiry',
  'not-listed',
  'ready-stale',
  'lease-stale',
  'retry-stale',
  'expiry-stale',
  'listed-stale',
  'job-not-listed',
  'job-listed-stale',
  'deletion-forgotten',
  'trigger-without-job',
  'trigger-not-listed',
  'trigger-count-wrong',
  'due-stale',
  /** By the reconciler, which knows schedules: nothing says when the trigger is due, or it says too late. */
  'due-missing',
  'due-too-late',
] as const;

export type RepairKind = (typeof REPAIR_KINDS)[number];

export interface Repair {
  readonly kind: RepairKind;
  /** The id, key or entry that was wrong. */
  readonly subject: string;
}

export interface ReconcilePage {
  /** Entries looked at; some may come twice in a pass. */
  readonly seenCount: number;
  readonly repairs: readonly Repair[];
  /** Triggers whose due instant, or that there is none, is to be judged by their schedule. Finished ones are not among them. */
  readonly triggers: readonly Trigger[];
  /** Null at the end of the pass. */
  readonly nextCursor: string | null;
}

/** Compares what only delivers (queues, sets, lists) with the records of jobs, triggers and executions. */
export interface ReconcileStore {
  /**
   * Looks at the next few hundred entries of a shard. With an `epoch` it also repairs what it finds, each entry in the
   * same moment as it is compared, and only differences count that no call under way can explain; with null it
   * only looks, and may name a difference twice. What was there from the first page to the last and is wrong is found. Repeating a call finds nothing
   * more. Errors: `FencedError`, `StoreUnavailableError`.
   */
  reconcile(
    shard: ShardId,
    step: { readonly cursor: string | null; readonly epoch: Epoch | null },
  ): Promise<ReconcilePage>;
}
