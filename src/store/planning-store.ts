import type { Epoch, ShardId } from '../domain/shard.js';
import type { EpochMs } from '../domain/time/instant.js';
import type { Trigger, TriggerKey } from '../domain/trigger.js';

/** With what the due instants of a shard were worked out. */
export interface Planning {
  /** Release of the time zone data. */
  readonly tz: string;
  /** Revision of the calendars. */
  readonly calendars: number;
}

/** A new due instant for a trigger; null = nothing follows. Nothing is written if the trigger has changed since. */
export interface DueChange {
  readonly trigger: TriggerKey;
  readonly expected: { readonly version: number; readonly watermark: EpochMs; readonly dueAt: EpochMs | null };
  readonly dueAt: EpochMs | null;
}

export interface TriggerScan {
  readonly triggers: readonly Trigger[];
  /** Null at the end. */
  readonly nextCursor: string | null;
}

/**
 * Planning the triggers of a shard anew, by its leader. Methods with an `epoch` refuse one below the fence
 * with `FencedError`. All may throw `StoreUnavailableError` and may be repeated with the same arguments.
 */
export interface PlanningStore {
  /** Null before the first `recordPlanning`. */
  readPlanning(shard: ShardId): Promise<Planning | null>;

  recordPlanning(shard: ShardId, epoch: Epoch, planning: Planning): Promise<void>;

  /**
   * Some of the shard's triggers, about a thousand looked at in a call; `withCalendars` leaves out those that name none.
   * Every trigger that is there from the first call to the last is returned at least once.
   */
  scanTriggers(
    shard: ShardId,
    scan: { readonly cursor: string | null; readonly withCalendars: boolean },
  ): Promise<TriggerScan>;

  /** Applies changes, each on its own; returns how many were applied. At most 1000 per call. */
  moveDue(shard: ShardId, epoch: Epoch, changes: readonly DueChange[]): Promise<number>;
}
