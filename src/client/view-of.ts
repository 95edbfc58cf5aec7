import type { Backfill } from '../domain/backfill.js';
import { idempotencyKeyOf, type Execution } from '../domain/execution.js';
import { splitJobKey, type Job } from '../domain/job.js';
import type { Target } from '../domain/target.js';
import { toIso } from '../domain/time/instant.js';
import {
  awaitsCompletion,
  jobKeyOfTrigger,
  triggerName,
  type Trigger,
  type TriggerDefinition,
} from '../domain/trigger.js';
import type { Calendar } from '../store/calendar-store.js';
import type {
  BackfillView,
  CalendarSummary,
  CalendarView,
  ExecutionView,
  JobView,
  Timing,
  TriggerStatus,
  TriggerView,
} from './views.js';

/** Stands in answers where a signing secret is stored; written back, it keeps what is stored. */
export const MASKED_SECRET = `whsec_${'='.repeat(32)}`;

export function jobView(job: Job, inline: Trigger | null, triggerCount: number): JobView {
  const { createdAt, updatedAt, pause, resumedAt: _resumedAt, target, ...rest } = job;
  const nextAt = pause === undefined ? inline?.dueAt : undefined;
  return {
    ...rest,
    target: masked(target),
    ...(inline === null ? {} : { schedule: inline.definition.schedule, ...timingOf(inline.definition) }),
    createdAt: toIso(createdAt),
    updatedAt: toIso(updatedAt),
    status: {
      state: pause === undefined ? 'active' : 'paused',
      ...(nextAt === undefined ? {} : { nextAt: toIso(nextAt) }),
      triggerCount,
      ...(pause === undefined ? {} : { pause: { since: toIso(pause.since), reason: pause.reason } }),
    },
  };
}

export function triggerView(trigger: Trigger): TriggerView {
  const { definition, state } = trigger;
  const { schedule, timeZone, misfire, overlap, data } = definition;
  const job = splitJobKey(jobKeyOfTrigger(trigger.key));
  return {
    namespace: job.namespace,
    job: job.name,
    name: triggerName(trigger.key),
    schedule,
    timeZone,
    ...timingOf(definition),
    ...(misfire === undefined ? {} : { misfire }),
    ...(overlap === undefined ? {} : { overlap }),
    ...(data === undefined ? {} : { data }),
    version: state.version,
    status: {
      state: triggerState(trigger),
      ...(trigger.dueAt === undefined ? {} : { nextAt: toIso(trigger.dueAt) }),
      fireCount: state.fireCount,
      ...(state.lastExecutionId === undefined ? {} : { lastExecutionId: state.lastExecutionId }),
    },
  };
}

export function executionView(execution: Execution): ExecutionView {
  const { id, trigger, state, reason, attempt, maxAttempts, worker, epoch } = execution;
  const { startedAt, finishedAt, data, result, error, missed } = execution;
  const job = splitJobKey(execution.job);
  return {
    id,
    namespace: job.namespace,
    job: job.name,
    trigger,
    state,
    ...(reason === undefined ? {} : { reason }),
    nominalAt: toIso(execution.nominalAt),
    dueAt: toIso(execution.dueAt),
    firedAt: toIso(execution.firedAt),
    ...(startedAt === undefined ? {} : { startedAt: toIso(startedAt) }),
    ...(finishedAt === undefined ? {} : { finishedAt: toIso(finishedAt) }),
    attempt,
    maxAttempts,
    idempotencyKey: idempotencyKeyOf(execution),
    ...(worker === undefined ? {} : { worker }),
    epoch,
    ...(execution.cancelRequested === true ? { cancelRequested: true } : {}),
    ...(execution.backfill === undefined ? {} : { backfill: execution.backfill }),
    ...(data === undefined ? {} : { data }),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
    ...(missed === undefined ? {} : { missed: { count: missed.count, throughAt: toIso(missed.throughAt) } }),
  };
}

export function backfillView(backfill: Backfill): BackfillView {
  const { id, trigger, overlap, data, state, reason, count, queuedCount, skippedCount, finishedAt } = backfill;
  const job = splitJobKey(backfill.job);
  return {
    ...{ id, namespace: job.namespace, job: job.name, trigger },
    ...{ from: toIso(backfill.from), to: toIso(backfill.to), overlap },
    ...(data === undefined ? {} : { data }),
    state,
    ...(reason === undefined ? {} : { reason }),
    ...{ count, queuedCount, skippedCount, createdAt: toIso(backfill.createdAt) },
    ...(finishedAt === undefined ? {} : { finishedAt: toIso(finishedAt) }),
  };
}

export function calendarView({ namespace, name, definition, version, createdAt, updatedAt }: Calendar): CalendarView {
  return { namespace, name, ...definition, version, createdAt: toIso(createdAt), updatedAt: toIso(updatedAt) };
}

export function calendarSummary(calendar: Calendar): CalendarSummary {
  const { type, mode, timeZone, base, description } = calendar.definition;
  return {
    ...{ namespace: calendar.namespace, name: calendar.name, type },
    ...(mode === undefined ? {} : { mode }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(base === undefined ? {} : { base }),
    ...(description === undefined ? {} : { description }),
    ...{ version: calendar.version, createdAt: toIso(calendar.createdAt), updatedAt: toIso(calendar.updatedAt) },
  };
}

function timingOf(definition: TriggerDefinition): Timing {
  const { startAt, endAt, maxFires, jitterMs, dstGap, dstOverlap, calendars } = definition;
  return {
    ...(startAt === undefined ? {} : { startAt: toIso(startAt) }),
    ...(endAt === undefined ? {} : { endAt: toIso(endAt) }),
    ...(maxFires === undefined ? {} : { maxFires }),
    ...(jitterMs === undefined ? {} : { jitterMs }),
    ...(dstGap === undefined ? {} : { dstGap }),
    ...(dstOverlap === undefined ? {} : { dstOverlap }),
    ...(calendars === undefined ? {} : { calendars }),
  };
}

function triggerState(trigger: Trigger): TriggerStatus['state'] {
  if (trigger.definition.paused === true) return 'paused';
  return trigger.dueAt === undefined && !awaitsCompletion(trigger) ? 'finished' : 'active';
}

function masked(target: Target): Target {
  return target.type === 'http' && target.signingSecret !== undefined
    ? { ...target, signingSecret: MASKED_SECRET }
    : target;
}
