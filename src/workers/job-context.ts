import { idempotencyKeyOf, type Execution, type ExecutionId } from '../domain/execution.js';
import { splitJobKey } from '../domain/job.js';

/** Why an attempt was told to stop: the `why` of its signal's reason. */
export type AbortWhy = 'timeout' | 'cancel' | 'lease-lost' | 'drain';

const ABORT_MESSAGES: Readonly<Record<AbortWhy, string>> = {
  timeout: 'the attempt did not finish in time',
  cancel: 'a caller asked for the execution to be cancelled',
  'lease-lost': 'the lease of the attempt has ended: another worker may run the execution already',
  drain: 'the worker is shutting down',
};

/** The reason of an attempt's aborted signal. */
export class AttemptAborted extends Error {
  readonly why: AbortWhy;

  constructor(why: AbortWhy) {
    super(ABORT_MESSAGES[why]);
    this.name = 'AbortError';
    this.why = why;
  }
}

/** What a handler is given: one attempt of one execution. */
export interface JobContext<T = unknown> {
  readonly executionId: ExecutionId;
  readonly namespace: string;
  readonly job: string;
  /** Name of the trigger that fired; null for a run asked for by a caller. */
  readonly trigger: string | null;
  /** The data of the trigger or of the run, otherwise the job's; undefined when none of them has any. */
  readonly data: T;
  /** The same for every attempt of this fire: use it to make effects idempotent. */
  readonly idempotencyKey: string;
  /** The instant that the schedule gave. */
  readonly nominalAt: Date;
  /** `nominalAt` plus jitter. */
  readonly dueAt: Date;
  /** When the fire was recorded, by the store's clock. */
  readonly firedAt: Date;
  /** When this attempt was claimed, by the store's clock. */
  readonly startedAt: Date;
  /** 1 for the first. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Aborted with an `AttemptAborted` as its reason on timeout, cancel, a lost lease and shutdown. */
  readonly signal: AbortSignal;
}

/** Dates are made when they are read: most handlers never look at most of them. */
export class ExecutionContext implements JobContext {
  readonly data: unknown;
  readonly #execution: Execution;
  readonly #attempt: { readonly signal: AbortSignal };

  /** `attempt.signal` is asked for only when the handler asks. */
  constructor(execution: Execution, data: unknown, attempt: { readonly signal: AbortSignal }) {
    this.#execution = execution;
    this.data = data;
    this.#attempt = attempt;
  }

  withData(data: unknown): ExecutionContext {
    return new ExecutionContext(this.#execution, data, this.#attempt);
  }

  get executionId(): ExecutionId {
    return this.#execution.id;
  }

  get namespace(): string {
    return splitJobKey(this.#execution.job).namespace;
  }

  get job(): string {
    return splitJobKey(this.#execution.job).name;
  }

  get trigger(): string | null {
    return this.#execution.trigger;
  }

  get idempotencyKey(): string {
    return idempotencyKeyOf(this.#execution);
  }

  get nominalAt(): Date {
    return new Date(this.#execution.nominalAt);
  }

  get dueAt(): Date {
    return new Date(this.#execution.dueAt);
  }

  get firedAt(): Date {
    return new Date(this.#execution.firedAt);
  }

  get startedAt(): Date {
    return new Date(this.#execution.startedAt ?? this.#execution.firedAt);
  }

  get attempt(): number {
    return this.#execution.attempt;
  }

  get maxAttempts(): number {
    return this.#execution.maxAttempts;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }
}
