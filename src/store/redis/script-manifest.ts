/** Version of what is stored under the keys of a cluster. A release that reads another format refuses to start. */
export const DATA_FORMAT = 1;

/** Results of scripts; the same table as `lua/lib/codes.lua`, which a test compares. */
export const SCRIPT_CODES = {
  OK: 0,
  FENCED: -1,
  CONFLICT: -2,
  NOT_FOUND: -3,
  DELETING: -4,
  BEHIND: -5,
  CREATED: 11,
  CHANGED: 12,
  UNCHANGED: 13,
  DELETED: 14,
  FIRED: 21,
  STALE: 22,
  EARLY: 23,
  WAITING: 24,
  EXTENDED: 31,
  CANCELLING: 32,
  LOST: 33,
  SETTLED: 41,
  REPEATED: 42,
  IN_USE: 51,
  CYCLE: 52,
  FULL: 53,
} as const;

/** Every script, by the name of its file in `lua/`. */
export const SCRIPT_NAMES = [
  'cancel',
  'claim',
  'delete_calendar',
  'delete_expired',
  'delete_job',
  'delete_trigger',
  'drop_backfills',
  'drop_orphans',
  'end_backfill',
  'extend',
  'fire',
  'mark_progress',
  'move_due',
  'pause_job',
  'put_backfill',
  'put_calendar',
  'put_job',
  'put_triggers',
  'raise_fence',
  'read_due',
  'read_triggers',
  'reconcile_executions',
  'reconcile_triggers',
  'record_planning',
  'record_rollback',
  'release_fence',
  'requeue_retries',
  'rescue_expired',
  'resume_job',
  'retry_execution',
  'run',
  'scan_triggers',
  'seal_fence',
  'settle',
  'step_backfill',
  'sweep_job',
  'touch_calendars',
] as const;

export type ScriptName = (typeof SCRIPT_NAMES)[number];

export const SCRIPT_FOLDER = new URL('./lua/', import.meta.url);
