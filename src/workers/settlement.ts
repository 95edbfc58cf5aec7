import { CloudJobError } from '../domain/errors.js';
import type { Execution, ExecutionError } from '../domain/execution.js';
import { isHandlerOutcome, type HandlerOutcome } from '../domain/handler-outcome.js';
import type { Job } from '../domain/job.js';
import type { JsonValue } from '../domain/json.js';
import { MAX_DATA_BYTES } from '../domain/limits.js';
import { retryDelay } from '../domain/retry-policy.js';
import type { Settlement } from '../store/execution-store.js';
import type { AttemptEnd } from './attempt.js';
import type { AbortWhy } from './job-context.js';

const MAX_MESSAGE_LENGTH = 2000;

/** How long a cancelled execution is kept whose job, and with it the retention, is not known. */
const UNKNOWN_JOB_RETENTION_MS = 86_400_000;

export const JOB_DELETED: Settlement = {
  type: 'cancelled',
  reason: 'job-deleted',
  retentionMs: UNKNOWN_JOB_RETENTION_MS,
};

/** For an attempt that was aborted before its job could be read. */
export function settlementWithoutJob(aborted: AbortWhy | null): Settlement | null {
  if (aborted === 'lease-lost') return null;
  if (aborted === 'cancel') return { type: 'cancelled', reason: 'cancelled', retentionMs: UNKNOWN_JOB_RETENTION_MS };
  return { type: 'released' };
}

/** The facts a settlement is decided from. `unitRandom` in [0, 1) spreads retries. */
export interface EndedAttempt {
  readonly execution: Execution;
  readonly job: Job;
  readonly end: AttemptEnd;
  readonly unitRandom: number;
}

/**
 * What the store is told about an attempt; null when nothing may be said, because the lease is lost. After an
 * abort only an explicit outcome of the handler counts: a plain return may mean that it stopped half-way.
 */
export function settlementOf(ended: EndedAttempt): Settlement | null {
  const { end, job } = ended;
  if (end.aborted === 'lease-lost') return null;
  if (end.type === 'returned' && isHandlerOutcome(end.value)) return settlementOfOutcome(ended, end.value);
  switch (end.aborted) {
    case 'drain':
      return { type: 'released' };
    case 'cancel':
      return { type: 'cancelled', reason: 'cancelled', retentionMs: job.retention.succeededMs };
    case 'timeout':
      return failed(ended, {
        code: 'CJ_HANDLER_TIMEOUT',
        message: `the attempt did not finish within ${job.timeoutMs} ms`,
      });
    case null:
  }
  if (end.type === 'returned') return succeeded(job, end.value);
  if (end.type === 'threw') return settlementOfError(ended, end.error);
  return failed(ended, { code: 'CJ_HANDLER_THREW', message: 'the attempt was left behind' });
}

function settlementOfOutcome(ended: EndedAttempt, outcome: HandlerOutcome): Settlement {
  const { job } = ended;
  switch (outcome.type) {
    case 'done':
      return succeeded(job, outcome.result);
    case 'retryIn':
      return failed(ended, { code: 'CJ_HANDLER_RETRY', message: cut(outcome.reason) }, outcome.delayMs);
    case 'cancel':
      return { type: 'cancelled', reason: 'cancelled', retentionMs: job.retention.succeededMs };
    case 'discard':
      return discarded(job, { code: 'CJ_HANDLER_DISCARDED', message: cut(outcome.reason) });
  }
}

/** A target that may not be called now may not be called later. */
function settlementOfError(ended: EndedAttempt, error: unknown): Settlement {
  if (error instanceof CloudJobError && error.code === 'CJ_TARGET_REFUSED') {
    return discarded(ended.job, { code: error.code, message: cut(error.message) });
  }
  return failed(ended, errorFacts(error));
}

function failed({ execution, job, unitRandom }: EndedAttempt, error: ExecutionError, retryInMs?: number): Settlement {
  if (execution.attempt < execution.maxAttempts) {
    return { type: 'retry', error, retryInMs: retryInMs ?? retryDelay(job.retry, execution.attempt, unitRandom) };
  }
  return { type: 'failed', error, reason: 'attempts-used-up', retentionMs: job.retention.failedMs };
}

function discarded(job: Job, error: ExecutionError): Settlement {
  return { type: 'failed', error, reason: 'discarded', retentionMs: job.retention.failedMs };
}

/** A result that cannot be stored is a failure without retry: the work was done, and doing it again would not help. */
function succeeded(job: Job, value: unknown): Settlement {
  const retentionMs = job.retention.succeededMs;
  if (value === undefined) return { type: 'succeeded', retentionMs };
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return discarded(job, { code: 'CJ_HANDLER_THREW', message: cut(`the result cannot be written as JSON: ${why}`) });
  }
  if (text === undefined) return { type: 'succeeded', retentionMs };
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DATA_BYTES) {
    const message = `the result has ${bytes} bytes as JSON, ${MAX_DATA_BYTES} are allowed`;
    return discarded(job, { code: 'CJ_PAYLOAD_TOO_LARGE', message });
  }
  return { type: 'succeeded', result: JSON.parse(text) as JsonValue, retentionMs };
}

function errorFacts(error: unknown): ExecutionError {
  if (error instanceof CloudJobError) return { code: error.code, message: cut(error.message) };
  return { code: 'CJ_HANDLER_THREW', message: cut(error instanceof Error ? error.message : textOf(error)) };
}

function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

function cut(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}
