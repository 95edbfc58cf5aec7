import { InvariantError } from '../../domain/errors.js';
import type { ExecutionState } from '../../domain/execution-state.js';
import {
  type Execution,
  type ExecutionError,
  type ExecutionId,
  type ExecutionReason,
  type MissedRange,
  type NewExecution,
} from '../../domain/execution.js';
import type { JobKey } from '../../domain/job.js';
import type { JsonValue } from '../../domain/json.js';
import { epochOf } from '../../domain/shard.js';
import type { Lane } from '../../domain/target.js';
import { canonicalJson, parseJson, unescapeField } from './canonical-json.js';

/**
 * An execution is stored as five lines:
 *
 *     state|attempt|maxAttempts|firedAt|epoch|token|worker|startedAt|finishedAt|reason|cancel|settledBy
 *     lane ppp<due>|job|trigger|nominal time, if it is not the id's|w, if the trigger waits for its end|backfill
 *     data as JSON
 *     result as JSON; of a missed record: {"count":…,"throughAt":…}
 *     error as JSON
 *
 * Scripts write the first line and the last two, and may add the `w`; nothing else ever changes. `ppp` is 100 − priority, so that text
 * order is the order of claiming: `lane ppp<due> <id>` is the execution's member of the ready set.
 */

/** `lane ppp`: the part of the order that belongs to the job. */
export function orderPrefix(lane: Lane, priority: number): string {
  return `${lane} ${String(100 - priority).padStart(3, '0')}`;
}

/** Arguments of one new execution in the scripts `fire` and `run`: attempts allowed, order, lines below it. */
export function encodeNewExecution(execution: NewExecution): readonly [string, string, string] {
  const { id, job, trigger, nominalAt, dueAt, lane, priority, maxAttempts, data } = execution;
  const dataLine = data === undefined ? '' : JSON.stringify(data);
  return [
    String(maxAttempts),
    `${orderPrefix(lane, priority)}${String(dueAt).padStart(15, '0')}`,
    `|${job}|${trigger ?? ''}|${nominalField(id, nominalAt)}${marksOf(execution)}\n${dataLine}\n\n`,
  ];
}

/** Arguments of one missed record in the script `fire`: reason, due part of the order, lines below it. */
export function encodeMissed(range: MissedRange, job: JobKey, trigger: string): readonly [string, string, string] {
  const { id, nominalAt, throughAt, count } = range;
  return [
    range.reason,
    String(nominalAt).padStart(15, '0'),
    `|${job}|${trigger}|${nominalField(id, nominalAt)}\n\n${JSON.stringify({ count, throughAt })}\n`,
  ];
}

export function encodeResult(result: JsonValue | undefined): string {
  return result === undefined ? '' : JSON.stringify(result);
}

export function encodeError(error: ExecutionError): string {
  return canonicalJson({ code: error.code, message: error.message });
}

export function decodeExecution(id: ExecutionId, value: string): Execution {
  const [stateLine = '', fixedLine = '', data = '', result = '', error = ''] = value.split('\n');
  const state = stateLine.split('|');
  const [order = '', job = '', trigger = '', nominal = '', awaited, backfill] = fixedLine.split('|');
  if (state.length !== STATE_FIELDS || job === '') throw new InvariantError(`the record of execution ${id} is damaged`);
  const [stateName, attempt, maxAttempts, firedAt, epoch, , worker, startedAt, finishedAt, reason, cancel] = state;
  const blank = order.indexOf(' ');
  return {
    id,
    job: job as JobKey,
    trigger: trigger === '' ? null : trigger,
    nominalAt: nominal === '' ? nominalOf(id) : Number(nominal),
    dueAt: Number(order.slice(blank + 4)),
    lane: order.slice(0, blank) as Lane,
    priority: 100 - Number(order.slice(blank + 1, blank + 4)),
    maxAttempts: Number(maxAttempts),
    ...(data === '' ? {} : { data: parseJson(data) }),
    ...(awaited === 'w' ? { isAwaited: true } : {}),
    ...(backfill === undefined ? {} : { backfill }),
    state: stateName as ExecutionState,
    ...(reason ? { reason: reason as ExecutionReason } : {}),
    firedAt: Number(firedAt),
    ...(startedAt ? { startedAt: Number(startedAt) } : {}),
    ...(finishedAt ? { finishedAt: Number(finishedAt) } : {}),
    attempt: Number(attempt),
    ...(worker ? { worker: unescapeField(worker) } : {}),
    epoch: epochOf(Number(epoch)),
    ...(cancel ? { cancelRequested: true } : {}),
    ...outcomeOf(stateName as ExecutionState, result),
    ...(error === '' ? {} : { error: parseJson(error) as unknown as ExecutionError }),
  };
}

const STATE_FIELDS = 12;

function outcomeOf(state: ExecutionState, line: string): Pick<Execution, 'result' | 'missed'> {
  if (line === '') return {};
  const value = parseJson(line);
  return state === 'missed' ? { missed: value as unknown as NonNullable<Execution['missed']> } : { result: value };
}

/** The last fields of the fixed line; nothing for most. */
function marksOf({ isAwaited, backfill }: NewExecution): string {
  const awaited = isAwaited === true ? '|w' : '';
  return backfill === undefined ? awaited : `${awaited || '|'}|${backfill}`;
}

/** Nothing where the id says the same. */
function nominalField(id: ExecutionId, nominalAt: number): string {
  return nominalOf(id) === nominalAt ? '' : String(nominalAt);
}

function nominalOf(id: ExecutionId): number {
  const start = id.indexOf('-') + 1;
  return Number(id.slice(start, start + 15));
}
