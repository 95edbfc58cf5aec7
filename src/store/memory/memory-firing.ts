import { isTerminal } from '../../domain/execution-state.js';
import type { Execution, ExecutionId, MissedRange } from '../../domain/execution.js';
import type { Job } from '../../domain/job.js';
import type { Epoch } from '../../domain/shard.js';
import { laneOf } from '../../domain/target.js';
import type { EpochMs } from '../../domain/time/instant.js';
import { jobKeyOfTrigger, triggerName, type Trigger } from '../../domain/trigger.js';
import { FINISHED_TRIGGER_MS, type FireDecision, type FireResult } from '../execution-store.js';
import type { MemoryShard, StoredJob } from './memory-shard.js';

/** Applies one decision whole, or says why nothing of it was applied. */
export function applyDecision(
  shard: MemoryShard,
  decision: FireDecision,
  { epoch, now }: { epoch: Epoch; now: EpochMs },
): FireResult {
  const stored = shard.jobs.get(jobKeyOfTrigger(decision.trigger));
  const trigger = shard.trigger(decision.trigger);
  if (stored === undefined || trigger === undefined || isStale(stored, trigger, decision)) {
    return { outcome: 'stale', skippedCount: 0 };
  }
  if (now < decision.dueAt) return { outcome: 'early', skippedCount: 0 };
  if (decision.nextDueAt === 'completion' && isUnfinished(shard, trigger.state.lastExecutionId)) {
    awaitEnd(shard, stored, trigger);
    return { outcome: 'waiting', skippedCount: 0 };
  }

  for (const range of decision.missed) recordMissed(shard, stored.job, { decision, range, epoch, now });
  const fired = queueFires(shard, trigger.state.lastExecutionId, decision, { epoch, now });
  const { dueAt: _dueAt, ...rest } = trigger;
  const isAwaited = decision.nextDueAt === 'completion' && isUnfinished(shard, fired.last);
  const nextDueAt = decision.nextDueAt === 'completion' ? now : decision.nextDueAt;
  shard.putTrigger(stored, {
    ...rest,
    state: {
      ...trigger.state,
      watermark: decision.watermark,
      fireCount: trigger.state.fireCount + decision.fires.length,
      ...(fired.last === undefined ? {} : { lastExecutionId: fired.last }),
    },
    ...(nextDueAt === null || isAwaited ? {} : { dueAt: nextDueAt }),
  });
  if (nextDueAt === null) shard.finished.set(trigger.key, now + FINISHED_TRIGGER_MS);
  return { outcome: 'fired', skippedCount: fired.skippedCount };
}

function isStale(stored: StoredJob, trigger: Trigger, { expected }: FireDecision): boolean {
  return (
    stored.job.version !== expected.jobVersion ||
    trigger.state.version !== expected.version ||
    trigger.state.watermark !== expected.watermark
  );
}

function queueFires(
  shard: MemoryShard,
  lastExecutionId: string | undefined,
  decision: FireDecision,
  at: { epoch: Epoch; now: EpochMs },
): { last: string | undefined; skippedCount: number } {
  let last = lastExecutionId;
  let skippedCount = 0;
  for (const fire of decision.fires) {
    // A trigger that was deleted and stored again may meet a nominal time that it fired before.
    if (shard.executions.has(fire.id)) continue;
    if (decision.overlap === 'skip' && isUnfinished(shard, last)) {
      const skipped: Execution = {
        ...fire,
        ...{ state: 'skipped', reason: 'overlap', firedAt: at.now, finishedAt: at.now, attempt: 0, epoch: at.epoch },
      };
      shard.record(skipped, at.now + decision.retentionMs);
      skippedCount++;
    } else {
      last = shard.queue(fire, at.epoch, at.now).id;
    }
  }
  return { last, skippedCount };
}

/** Nothing is due any more, until the last execution ends. */
function awaitEnd(shard: MemoryShard, stored: StoredJob, { dueAt: _dueAt, ...trigger }: Trigger): void {
  const last = shard.executions.get(trigger.state.lastExecutionId as ExecutionId);
  if (last !== undefined) last.record = { ...last.record, isAwaited: true };
  shard.putTrigger(stored, trigger);
}

function isUnfinished(shard: MemoryShard, id: string | undefined): boolean {
  const stored = id === undefined ? undefined : shard.executions.get(id as ExecutionId);
  return stored !== undefined && !isTerminal(stored.record.state);
}

/** A missed range looks like an execution; nothing ever claims it. */
function recordMissed(
  shard: MemoryShard,
  job: Job,
  { decision, range, epoch, now }: { decision: FireDecision; range: MissedRange; epoch: Epoch; now: EpochMs },
): void {
  if (shard.executions.has(range.id)) return;
  shard.record(
    {
      id: range.id,
      job: jobKeyOfTrigger(decision.trigger),
      trigger: triggerName(decision.trigger),
      nominalAt: range.nominalAt,
      dueAt: range.nominalAt,
      lane: laneOf(job.queue, job.target),
      priority: job.priority,
      maxAttempts: job.retry.maxAttempts,
      state: 'missed',
      reason: range.reason,
      firedAt: now,
      finishedAt: now,
      attempt: 0,
      epoch,
      missed: { count: range.count, throughAt: range.throughAt },
    },
    now + decision.retentionMs,
  );
}
