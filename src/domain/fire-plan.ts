import {
  missedExecutionId,
  scheduledExecutionId,
  type ExecutionReason,
  type MissedRange,
  type NewExecution,
} from './execution.js';
import type { Job } from './job.js';
import type { MisfirePolicy } from './misfire-policy.js';
import type { OverlapPolicy } from './overlap-policy.js';
import type { ShardId } from './shard.js';
import { laneOf } from './target.js';
import type { DurationMs, EpochMs } from './time/instant.js';
import { waitsForCompletion, type CompiledSchedule } from './time/schedule.js';
import { jobKeyOfTrigger, nextFire, triggerName, type FireTime, type Trigger, type TriggerKey } from './trigger.js';

/**
 * What becomes of the nominal times of a trigger, as a pure function of what is stored and of the instant at
 * which the decision is to be applied. Each nominal time in (old watermark, new watermark] is in exactly one
 * of three places:
 *
 *   fires         to be queued
 *   missed        found too late, in a range with its reason
 *   passed over   fell into a pause of the job: no record, never made up for
 *
 * What was due before a pause, and what is undecided still when it ends, was not skipped by the pause but left by
 * the scheduler: it is missed (paused).
 *
 * A time that is late by more than `graceMs` is judged on its own, by what lies after it, so that a long gap
 * may be decided in pieces of bounded work and still come out the same:
 *
 *   skip                   missed (misfire-skip)
 *   older than maxAgeMs    missed (misfire-too-old)
 *   fireOnce               fires if no later time is due, else missed (misfire-collapsed)
 *   fireAll                fires if fewer than maxCount late times follow it, else missed (misfire-too-many)
 *
 * `maxFires` counts fires, also those that the store then records as skipped because of an overlap: when the
 * next due instant is settled, nobody knows yet whether the fire will meet a running execution. Missed and
 * passed-over times do not count.
 */

/** Nominal times decided at most by one decision; what is left follows in the next, in order. */
export const MAX_TIMES_PER_DECISION = 1000;
/** Fires in one decision at most, so that one write to the store stays short. */
export const MAX_FIRES_PER_DECISION = 100;

/**
 * One decision about one trigger: everything from its watermark to the new one is settled by it. Applied as a
 * whole or not at all.
 */
export interface FireDecision {
  readonly trigger: TriggerKey;
  /** What the decision was made from; if anything differs by now, the answer is `stale` and nothing is written. */
  readonly expected: { readonly version: number; readonly watermark: EpochMs; readonly jobVersion: number };
  /** New watermark, larger than the expected one. */
  readonly watermark: EpochMs;
  /** Not before this instant by the store's clock; otherwise `early`, and nothing is written. */
  readonly dueAt: EpochMs;
  /**
   * Next due instant; null when nothing follows: the trigger is kept, finished, until `FINISHED_TRIGGER_MS` later.
   * `completion`: nothing is due before the execution that is queued here has ended. If another one of this
   * trigger has not ended, nothing is queued, and its end is waited for (`waiting`).
   */
  readonly nextDueAt: EpochMs | 'completion' | null;
  /** To be queued, ascending by nominal time. With overlap `skip`, those that meet an execution that has not ended become `skipped` records. */
  readonly fires: readonly NewExecution[];
  readonly missed: readonly MissedRange[];
  readonly overlap: OverlapPolicy;
  /** How long records that end here (skipped, missed) are kept. */
  readonly retentionMs: DurationMs;
}

export interface FirePlanInput {
  readonly trigger: Trigger;
  readonly job: Job;
  readonly shard: ShardId;
  readonly compiled: Pick<CompiledSchedule, 'next'>;
  /** The instant at which the decision is applied; may lie ahead, and then it is not applied before. */
  readonly at: EpochMs;
  /** Fires in the decision at most, fewer than `MAX_FIRES_PER_DECISION`. */
  readonly maxFires?: number;
}

/** Decides the nominal times that are due at `at`, oldest first, at most `MAX_TIMES_PER_DECISION` of them. */
export function planFires(input: FirePlanInput): FireDecision {
  return waitsForCompletion(input.trigger.definition.schedule) ? planDelayed(input) : planTimes(input);
}

function planTimes(input: FirePlanInput): FireDecision {
  const { trigger, job, at } = input;
  const { watermark, fireCount } = trigger.state;
  const passedThrough = passedThroughOf(input);
  const firesLeft = (trigger.definition.maxFires ?? Infinity) - fireCount;
  const overtaken = firesLeft > 0 ? planOvertaken(input) : null;
  if (overtaken !== null) return overtaken;
  const misfire = trigger.definition.misfire ?? job.misfire;
  const lookahead = misfire.policy === 'fireAll' ? misfire.maxCount : 0;
  const { due, following } = dueTimes(input, passedThrough, MAX_TIMES_PER_DECISION + lookahead);
  const judge = judgeOf(misfire, { due, following, at });

  const fires: NewExecution[] = [];
  const missed = new MissedRanges(input);
  let decided = 0;
  while (decided < Math.min(due.length, MAX_TIMES_PER_DECISION)) {
    if (fires.length >= Math.min(firesLeft, input.maxFires ?? MAX_FIRES_PER_DECISION)) break;
    const time = due[decided] as FireTime;
    const verdict = judge(time, decided);
    if (verdict === 'fires') fires.push(newExecution(input, time));
    else missed.add(time, verdict, decided);
    decided += 1;
  }

  const last = due[decided - 1];
  const next = due[decided] ?? following;
  const isFinished = next === null || fires.length >= firesLeft;
  if (last === undefined && !isFinished && next.nominalAt <= watermark + 1 && passedThrough === watermark) {
    // Not due yet, and no instant lies between the watermark and the next time: that time comes first.
    return planTimes({ ...input, at: next.dueAt });
  }
  return {
    ...aboutDecision(input),
    watermark: last?.nominalAt ?? Math.max(passedThrough, watermark + 1),
    dueAt: last?.dueAt ?? at,
    nextDueAt: isFinished ? null : next.dueAt,
    fires,
    missed: missed.ranges,
  };
}

/**
 * With a fixed delay after completion one time at most is due, counted from the watermark: the instant of
 * creation, of a resume, or of the end of the last execution, where the store puts it. What follows a fire is
 * not known before its execution has ended; a time that is missed has ended at once.
 */
function planDelayed(input: FirePlanInput): FireDecision {
  const { trigger, job, compiled, at } = input;
  const { key, definition, state } = trigger;
  const after = (from: EpochMs): FireTime | null => nextFire(key, definition, compiled, from);
  const firesLeft = (definition.maxFires ?? Infinity) - state.fireCount;
  const overtaken = firesLeft > 0 ? planOvertaken({ ...input, compiled: onlyFirst(compiled, state.watermark) }) : null;
  const from = passedThroughOf(input);
  if (overtaken !== null) return { ...overtaken, watermark: from, dueAt: at, nextDueAt: after(from)?.dueAt ?? null };
  const time = firesLeft > 0 ? after(from) : null;
  const about = { ...aboutDecision(input), fires: [], missed: [] };
  if (time === null || time.dueAt > at) {
    return { ...about, watermark: from, dueAt: at, nextDueAt: time?.dueAt ?? null };
  }
  const verdict = judgeOf(definition.misfire ?? job.misfire, { due: [time], following: null, at })(time, 0);
  if (verdict !== 'fires') {
    const missed = new MissedRanges(input);
    missed.add(time, verdict, 0);
    return { ...about, watermark: at, dueAt: at, nextDueAt: after(at)?.dueAt ?? null, missed: missed.ranges };
  }
  return {
    ...about,
    watermark: time.nominalAt,
    dueAt: time.dueAt,
    // Also of the last one: it is not skipped because of an execution that still runs, but waits for its end.
    nextDueAt: 'completion',
    fires: [{ ...newExecution(input, time), isAwaited: true }],
  };
}

/**
 * Settles what is due at `at` without a fire: the definition is about to be replaced, and nobody decides by one that
 * is gone. At most `MAX_TIMES_PER_DECISION` times; what is left follows in the next decision.
 */
export function planReplaced(input: FirePlanInput, reason: 'replaced' | 'paused'): FireDecision {
  const { trigger, compiled, at } = input;
  const isDelayed = waitsForCompletion(trigger.definition.schedule);
  const single = isDelayed ? { ...input, compiled: onlyFirst(compiled, trigger.state.watermark) } : input;
  const from = passedThroughOf(input);
  const decision = planOvertaken(single) ?? planMissed(single, { after: from, through: at, reason });
  if (decision !== null && !isDelayed) return decision;
  const watermark = isDelayed ? at : Math.max(from, trigger.state.watermark + 1);
  const next = nextFire(trigger.key, trigger.definition, compiled, watermark);
  const rest = { watermark, dueAt: at, nextDueAt: next?.dueAt ?? null };
  return { ...aboutDecision(input), fires: [], missed: decision?.missed ?? [], ...rest };
}

/** With a fixed delay nothing follows a time that has not been decided. */
function onlyFirst(compiled: FirePlanInput['compiled'], watermark: EpochMs): FirePlanInput['compiled'] {
  const first = compiled.next(watermark);
  return { next: (after) => (first !== null && after < first ? first : null) };
}

/** Records what a pause of the job overtook; null when there is nothing of the kind. */
function planOvertaken(input: FirePlanInput): FireDecision | null {
  const { job, trigger } = input;
  const through = job.pause?.since ?? job.resumedAt ?? -Infinity;
  return planMissed(input, { after: trigger.state.watermark, through, reason: 'paused' });
}

/** Records the due times in (`after`, `through`] as missed; null when there is none. */
function planMissed(
  input: FirePlanInput,
  { after, through, reason }: { after: EpochMs; through: EpochMs; reason: ExecutionReason },
): FireDecision | null {
  const { due, following } = dueTimes(input, after, MAX_TIMES_PER_DECISION, through);
  const last = due.at(-1);
  if (last === undefined) return null;
  const missed = new MissedRanges(input);
  for (const [index, time] of due.entries()) missed.add(time, reason, index);
  return {
    ...aboutDecision(input),
    watermark: last.nominalAt,
    dueAt: last.dueAt,
    nextDueAt: following?.dueAt ?? null,
    fires: [],
    missed: missed.ranges,
  };
}

/** Times up to here are decided, or passed over because of a pause of the job. */
function passedThroughOf({ trigger, job, at }: FirePlanInput): EpochMs {
  const { watermark } = trigger.state;
  return Math.max(watermark, job.pause === undefined ? (job.resumedAt ?? watermark) : at);
}

function aboutDecision({
  trigger,
  job,
}: FirePlanInput): Pick<FireDecision, 'trigger' | 'expected' | 'overlap' | 'retentionMs'> {
  const { version, watermark } = trigger.state;
  return {
    trigger: trigger.key,
    expected: { version, watermark, jobVersion: job.version },
    overlap: trigger.definition.overlap ?? job.overlap,
    retentionMs: job.retention.succeededMs,
  };
}

/** The due times after `after`, oldest first and at most `limit`, and the first time that is not among them. */
function dueTimes(
  { trigger, compiled, at }: FirePlanInput,
  after: EpochMs,
  limit: number,
  through = Infinity,
): { due: readonly FireTime[]; following: FireTime | null } {
  const due: FireTime[] = [];
  let next = nextFire(trigger.key, trigger.definition, compiled, after);
  while (next !== null && next.dueAt <= at && next.nominalAt <= through && due.length < limit) {
    due.push(next);
    next = nextFire(trigger.key, trigger.definition, compiled, next.nominalAt);
  }
  return { due, following: next };
}

type Verdict = 'fires' | ExecutionReason;

function judgeOf(
  misfire: MisfirePolicy,
  { due, following, at }: { due: readonly FireTime[]; following: FireTime | null; at: EpochMs },
): (time: FireTime, index: number) => Verdict {
  const lateCount = due.filter((time) => at - time.dueAt > misfire.graceMs).length;
  const dueCount = due.length + (following !== null && following.dueAt <= at ? 1 : 0);
  return (time, index) => {
    if (index >= lateCount) return 'fires';
    if (misfire.policy === 'skip') return 'misfire-skip';
    if (at - time.dueAt > misfire.maxAgeMs) return 'misfire-too-old';
    if (misfire.policy === 'fireOnce') return index === dueCount - 1 ? 'fires' : 'misfire-collapsed';
    return lateCount - 1 - index < misfire.maxCount ? 'fires' : 'misfire-too-many';
  };
}

function newExecution({ trigger, job, shard }: FirePlanInput, time: FireTime): NewExecution {
  const { data } = trigger.definition;
  return {
    id: scheduledExecutionId(shard, trigger.key, time.nominalAt),
    job: jobKeyOfTrigger(trigger.key),
    trigger: triggerName(trigger.key),
    nominalAt: time.nominalAt,
    dueAt: time.dueAt,
    lane: laneOf(job.queue, job.target),
    priority: job.priority,
    maxAttempts: job.retry.maxAttempts,
    ...(data === undefined ? {} : { data }),
  };
}

/** Joins neighbours with the same reason. */
class MissedRanges {
  readonly ranges: MissedRange[] = [];
  readonly #input: FirePlanInput;
  #lastIndex = -1;

  constructor(input: FirePlanInput) {
    this.#input = input;
  }

  add({ nominalAt }: FireTime, reason: ExecutionReason, index: number): void {
    const last = this.ranges.at(-1);
    if (last !== undefined && last.reason === reason && this.#lastIndex === index - 1) {
      this.ranges[this.ranges.length - 1] = { ...last, throughAt: nominalAt, count: last.count + 1 };
    } else {
      const id = missedExecutionId(this.#input.shard, this.#input.trigger.key, nominalAt);
      this.ranges.push({ id, nominalAt, throughAt: nominalAt, count: 1, reason });
    }
    this.#lastIndex = index;
  }
}
