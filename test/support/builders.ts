import { scheduledExecutionId, type Execution, type NewExecution } from '../../src/domain/execution.js';
import { jobKeyOf, parseJobDefinition, type JobDefinition, type JobKey } from '../../src/domain/job.js';
import { leaseTokenOf, type LeaseToken } from '../../src/domain/lease.js';
import { epochOf, shardOfJob, type Epoch } from '../../src/domain/shard.js';
import { laneOf } from '../../src/domain/target.js';
import type { EpochMs } from '../../src/domain/time/instant.js';
import { triggerKeyOf, triggerName, type Trigger, type TriggerDefinition } from '../../src/domain/trigger.js';
import type { FireDecision } from '../../src/store/execution-store.js';
import type { TriggerWrite } from '../../src/store/job-store.js';
import type { Stores } from '../../src/store/stores.js';

/** Builders set only what the test says; everything else is an ordinary value that no test relies on. */

export const EPOCH_1: Epoch = epochOf(1);

/** The definition of a job with handler `work`, as a caller would get it with these fields. */
export function aJobDefinition(input: Record<string, unknown> = {}): JobDefinition {
  return parseJobDefinition({ target: { type: 'handler', handler: 'work' }, ...input });
}

/** A trigger every minute in UTC. */
export function aTriggerDefinition(fields: Partial<TriggerDefinition> = {}): TriggerDefinition {
  return { schedule: { type: 'every', everyMs: 60_000 }, timeZone: 'UTC', ...fields };
}

/** A trigger to be written: decided up to `watermark`, due next at `dueAt` (null = not at all). */
export function aTriggerWrite(
  name: string,
  { watermark, dueAt, ...definition }: { watermark: EpochMs; dueAt: EpochMs | null } & Partial<TriggerDefinition>,
): TriggerWrite {
  return {
    name,
    definition: aTriggerDefinition(definition),
    watermark,
    next: dueAt === null ? null : { nominalAt: dueAt, dueAt },
  };
}

/** A fire of a trigger of a job with handler `work`, due at its nominal time. */
export function aFire(
  stores: Stores,
  {
    job,
    trigger = 'default',
    nominalAt,
    ...fields
  }: { job: JobKey; trigger?: string; nominalAt: EpochMs } & Partial<Omit<NewExecution, 'trigger'>>,
): NewExecution {
  const shard = shardOfJob(job, stores.executions.shardCount);
  return {
    id: scheduledExecutionId(shard, triggerKeyOf(job, trigger), nominalAt),
    job,
    trigger,
    nominalAt,
    dueAt: nominalAt,
    lane: laneOf('default', { type: 'handler', handler: 'work' }),
    priority: 0,
    maxAttempts: 3,
    ...fields,
  };
}

/** The decision to fire a stored trigger at these nominal times, made from what is stored now. */
export function aDecision(
  trigger: Trigger,
  { fires, jobVersion = 1, ...fields }: { fires: readonly NewExecution[]; jobVersion?: number } & Partial<FireDecision>,
): FireDecision {
  const watermark = fields.watermark ?? fires.at(-1)?.nominalAt ?? trigger.state.watermark + 1;
  return {
    trigger: trigger.key,
    expected: { version: trigger.state.version, watermark: trigger.state.watermark, jobVersion },
    watermark,
    dueAt: fires[0]?.dueAt ?? 0,
    nextDueAt: watermark + 60_000,
    fires,
    missed: [],
    overlap: 'skip',
    retentionMs: 3_600_000,
    ...fields,
  };
}

let tokens = 0;

/** A lease token that no other call has returned. */
export function aToken(): LeaseToken {
  return leaseTokenOf(`token-${++tokens}`);
}

let jobs = 0;

/** A job key that no other call has returned, so that cases in one store keep apart. */
export function aJobKey(namespace = 'shop'): JobKey {
  return jobKeyOf(namespace, `job-${++jobs}`);
}

/** Stores a job with one trigger that is due now, and returns both as stored. */
export async function storedTrigger(
  stores: Stores,
  {
    job = aJobKey(),
    name = 'default',
    definition = aJobDefinition(),
    ...fields
  }: { job?: JobKey; name?: string; definition?: JobDefinition } & Partial<TriggerDefinition> = {},
): Promise<{ job: JobKey; shard: number; trigger: Trigger; dueAt: EpochMs }> {
  const now = await stores.executions.serverTime();
  const dueAt = now - 500;
  const schedule = { type: 'every', everyMs: 60_000, anchor: new Date(dueAt).toISOString() } as const;
  const write = aTriggerWrite(name, { watermark: now - 1000, dueAt, schedule, ...fields });
  await stores.jobs.putJob({ key: job, definition, triggers: [write] });
  const trigger = await stores.jobs.getTrigger(triggerKeyOf(job, name));
  if (trigger === null) throw new Error('the trigger was not stored');
  return { job, shard: shardOfJob(job, stores.executions.shardCount), trigger, dueAt };
}

/** Stores a job with a due trigger and fires it once; returns the queued execution. */
export async function queuedExecution(
  stores: Stores,
  fields: Partial<NewExecution> & { epoch?: Epoch; definition?: JobDefinition } = {},
): Promise<{ shard: number; execution: Execution; trigger: Trigger }> {
  const { epoch = EPOCH_1, definition, job, ...rest } = fields;
  const due = await storedTrigger(stores, {
    ...(job === undefined ? {} : { job }),
    ...(definition === undefined ? {} : { definition }),
  });
  const name = triggerName(due.trigger.key);
  const fire = aFire(stores, { ...rest, job: due.job, trigger: name, nominalAt: rest.nominalAt ?? due.dueAt });
  const [result] = await stores.executions.fire(due.shard, epoch, [
    aDecision(due.trigger, { fires: [fire], watermark: due.dueAt }),
  ]);
  const execution = await stores.executions.getExecution(fire.id);
  if (result?.outcome !== 'fired' || execution === null) throw new Error(`not fired: ${result?.outcome}`);
  return { shard: due.shard, execution, trigger: due.trigger };
}
