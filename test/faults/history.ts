/**
 * What a run under faults leaves behind for the checker: what should have happened (definitions, acknowledged
 * writes), what Redis recorded, what the workers wrote down outside Redis, and which faults there were when.
 * All instants are epoch milliseconds; those of records are Redis' clock, all others this machine's, which is
 * the same clock in a test.
 */
export interface History {
  readonly triggers: readonly TriggerPlan[];
  readonly log: ChangeLog;
  readonly runs: readonly WorkerRun[];
  readonly writes: readonly ApiWrite[];
  /** What a read after the end found for each entity of `writes`; null = not there. */
  readonly found: ReadonlyMap<string, string | null>;
  /** Refusals by the API of requests that were in order. */
  readonly refusals: readonly { readonly at: number; readonly text: string }[];
  readonly faults: readonly FaultSpan[];
  readonly shards: readonly ShardContents[];
  readonly processes: readonly ProcessFacts[];
  /** Spans in which Redis may have lost acknowledged writes, and whether the product reported that. */
  readonly lossWindows: readonly LossWindow[];
}

/** What a trigger has to fire, in terms that need no code of the product. */
export interface TriggerPlan {
  /** `namespace/job/trigger`. */
  readonly key: string;
  readonly overlap: 'skip' | 'allow';
  /** In order. Either none or all of them are of kind `after`. */
  readonly spans: readonly FiringSpan[];
  readonly backfills: readonly BackfillPlan[];
}

/** One definition of a trigger over time. The difference between the two ranges is the time in which an edit was on its way. */
export interface FiringSpan {
  readonly rhythm: Rhythm;
  /** Nominal times in it may be recorded. */
  readonly may: Range;
  /** Nominal times in it have to be recorded. */
  readonly must: Range;
}

/**
 * Nominal times: `phaseMs` + n · `everyMs`; one instant; or, the first time, `delayMs` after the definition, and then
 * `delayMs` after each end of the execution before.
 */
export type Rhythm =
  | { readonly kind: 'every'; readonly everyMs: number; readonly phaseMs: number }
  | { readonly kind: 'once'; readonly at: number }
  | { readonly kind: 'after'; readonly delayMs: number };

/** Past times of the trigger that were asked for once more. */
export interface BackfillPlan {
  readonly id: string;
  readonly rhythm: Rhythm;
  /** Inclusive. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** `bufferAll`: one after the other, in order. */
  readonly overlap: 'allow' | 'bufferAll';
  /** Null = nobody knows whether it was accepted. */
  readonly ackedAt: number | null;
}

/** `from` exclusive, `until` inclusive. */
export interface Range {
  readonly from: number;
  readonly until: number;
}

export interface ChangeLog {
  /** `every-change`: all writes in the order in which Redis applied them. `last-state`: only what was there at the end, by time of firing. */
  readonly kind: 'every-change' | 'last-state';
  readonly entries: readonly LogEntry[];
}

export type LogEntry =
  | { readonly kind: 'fence'; readonly shard: number; readonly epoch: number }
  | { readonly kind: 'record'; readonly shard: number; readonly id: string; readonly record: RecordState }
  | { readonly kind: 'removed'; readonly shard: number; readonly id: string }
  | { readonly kind: 'watermark'; readonly shard: number; readonly trigger: string; readonly watermark: number }
  | { readonly kind: 'trigger-removed'; readonly shard: number; readonly trigger: string };

/** An execution record as written. */
export interface RecordState {
  readonly state: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly firedAt: number;
  /** When it ended; null while it has not. */
  readonly finishedAt: number | null;
  readonly epoch: number;
  /** Names the attempt that runs; empty when none does. */
  readonly token: string;
  /** Token of the attempt that ended last. */
  readonly settledBy: string;
  readonly reason: string;
  /** `namespace/job`. */
  readonly job: string;
  /** `namespace/job/trigger`; null for what a caller asked for: a run, or times of a backfill. */
  readonly trigger: string | null;
  readonly backfill?: { readonly id: string; readonly trigger: string };
  readonly nominalAt: number;
  readonly dueAt: number;
  /** Of a `missed` record: the last nominal time it stands for. */
  readonly missedThrough?: number;
}

/** One line of a worker's own file. */
export interface WorkerRun {
  readonly worker: string;
  readonly id: string;
  readonly key: string;
  readonly attempt: number;
  readonly event: 'start' | 'end' | 'abort';
  readonly at: number;
}

/** One write through the API; `ackedAt` null = its outcome is not known. */
export interface ApiWrite {
  readonly entity: string;
  /** Null = deleted. */
  readonly value: string | null;
  readonly sentAt: number;
  readonly ackedAt: number | null;
}

export interface FaultSpan {
  readonly name: string;
  readonly from: number;
  /** When the cause was gone. */
  readonly healedAt: number;
  /** Longest time without fires that it may cause. */
  readonly boundMs: number;
}

/** Members of the keys of one shard at rest. */
export interface ShardContents {
  readonly shard: number;
  /** Execution id to state. */
  readonly executions: ReadonlyMap<string, string>;
  readonly ready: ReadonlySet<string>;
  readonly leases: ReadonlySet<string>;
  readonly retries: ReadonlySet<string>;
  /** Ids in `expiry`. */
  readonly expiring: ReadonlySet<string>;
  /** Ids in `history`. */
  readonly listed: ReadonlySet<string>;
  /** Jobs that live here and copies of those that are partitioned, as they are stored. */
  readonly jobs: ReadonlyMap<string, string>;
  readonly triggers: ReadonlySet<string>;
  readonly due: ReadonlySet<string>;
}

export interface ProcessFacts {
  readonly name: string;
  /** Open files and resident megabytes at the beginning and the end of what was observed. */
  readonly files: readonly [number, number];
  readonly residentMb: readonly [number, number];
  /** How it ended, when nobody had ended it. */
  readonly unexpectedEnd: string | null;
  /** Lines about rejections or exceptions that nobody handled, and bugs that it found in itself. */
  readonly alarms: readonly string[];
}

export interface LossWindow {
  readonly from: number;
  readonly until: number;
  /**
   * When healing began. A master that was only frozen goes on then, and until it hears of its successor it does what
   * lies in its buffers: whoever had asked for it has given up, and is not told.
   */
  readonly healingFrom: number;
  readonly isReported: boolean;
}
