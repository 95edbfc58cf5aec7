import fc from 'fast-check';
import {
  missedExecutionId,
  manualExecutionId,
  scheduledExecutionId,
  type NewExecution,
} from '../../src/domain/execution.js';
import { epochOf } from '../../src/domain/shard.js';
import { jobKeyOfTrigger, triggerName } from '../../src/domain/trigger.js';
import type { FireDecision, Settlement } from '../../src/store/execution-store.js';
import type { ExpectedVersion, TriggerWrite } from '../../src/store/job-store.js';
import type { Stores } from '../../src/store/stores.js';
import { aFire, aJobDefinition, aToken, aTriggerWrite } from '../support/builders.js';
import { BASE, TRIGGER_NAMES, type World } from './model-world.js';

/** Makes one call with the same arguments on each of the stores, and says what it would be called in a report. */
export type Operation = (world: World) => Promise<{ readonly label: string; call(stores: Stores): Promise<unknown> }>;

const HOUR = 3_600_000;
const LANES = ['default/handler/work', 'default/http'] as const;
const ERROR = { code: 'CJ_HANDLER_THREW', message: 'it broke' };

const anIndex = fc.nat(20);
const anEpoch = fc.constantFrom(1, 1, 1, 2, 3).map(epochOf);
/** Over at once, or long. */
const aDuration = fc.constantFrom(1, HOUR);
const aVersionRule = fc.constantFrom('any', 'any', 'any', 'current', 'none', 'wrong');
type VersionRule = 'any' | 'current' | 'none' | 'wrong';

const aTrigger = fc.record({ name: fc.constantFrom(...TRIGGER_NAMES), variant: fc.nat(4) });

function triggerWrite({ name, variant }: { name: string; variant: number }): TriggerWrite {
  const after = { schedule: { type: 'after' as const, delayMs: HOUR } };
  const variants = [
    {},
    { jitterMs: 5, data: { variant } },
    { paused: true as const },
    after,
    { ...after, endAt: BASE * 2 },
  ];
  const fields = variants[variant] ?? {};
  return aTriggerWrite(name, {
    watermark: BASE + variant,
    dueAt: variant === 2 ? null : BASE + 10 + variant,
    ...fields,
  });
}

function expected(rule: VersionRule, current: number | undefined): ExpectedVersion {
  return { any: undefined, none: null, current: current ?? null, wrong: (current ?? 0) + 1 }[rule];
}

/** Names are unique within one write, as the API requires. */
const someTriggers = fc.uniqueArray(aTrigger, { maxLength: 2, selector: (trigger) => trigger.name });

const putJob = fc
  .record({
    job: anIndex,
    priority: fc.nat(1),
    triggers: someTriggers,
    remove: fc.subarray([...TRIGGER_NAMES], { maxLength: 1 }),
    rule: aVersionRule,
    ifDecided: fc.boolean(),
  })
  .map(({ job, priority, triggers, remove, rule, ifDecided }): Operation => async (world) => {
    const key = world.job(job);
    const version = (await world.reference.stores.jobs.getJob(key))?.version;
    const put = {
      key,
      definition: aJobDefinition({ priority }),
      triggers: triggers.map(triggerWrite),
      removeTriggers: remove.filter((name) => !triggers.some((trigger) => trigger.name === name)),
      ...(rule === 'any' ? {} : { expectedVersion: expected(rule, version) }),
      ifDecided,
    };
    return { label: `putJob ${key}`, call: ({ jobs }) => jobs.putJob(put) };
  });

const putTriggers = fc
  .record({ job: anIndex, triggers: someTriggers, ifDecided: fc.boolean() })
  .map(({ job, triggers, ifDecided }): Operation => async (world) => {
    const key = world.job(job);
    const label = `putTriggers ${key}${ifDecided ? ' if decided' : ''}`;
    return { label, call: ({ jobs }) => jobs.putTriggers(key, triggers.map(triggerWrite), { ifDecided }) };
  });

const putOneTrigger = fc
  .record({ trigger: anIndex, variant: fc.nat(4), rule: aVersionRule })
  .map(({ trigger, variant, rule }): Operation => async (world) => {
    const key = world.triggerKey(trigger);
    const version = (await world.reference.stores.jobs.getTrigger(key))?.state.version;
    const write = triggerWrite({ name: triggerName(key), variant });
    return {
      label: `putTrigger ${key} over ${rule}`,
      call: ({ jobs }) => jobs.putTriggers(jobKeyOfTrigger(key), [write], { expectedVersion: expected(rule, version) }),
    };
  });

const changeJob = fc
  .record({ job: anIndex, what: fc.constantFrom('pause', 'pause', 'resume', 'resume', 'delete') })
  .map(({ job, what }): Operation => async (world) => {
    const key = world.job(job);
    const calls = {
      pause: ({ jobs }: Stores) => jobs.pauseJob(key, 'maintenance'),
      resume: ({ jobs }: Stores) => jobs.resumeJob(key),
      delete: ({ jobs }: Stores) => jobs.deleteJob(key),
    };
    return { label: `${what} ${key}`, call: calls[what as 'pause'] };
  });

const deleteTrigger = anIndex.map((trigger): Operation => async (world) => {
  const key = world.triggerKey(trigger);
  return { label: `deleteTrigger ${key}`, call: ({ jobs }) => jobs.deleteTrigger(key) };
});

const fire = fc
  .record({
    trigger: anIndex,
    fires: fc.nat(2),
    missed: fc.nat(1),
    overlap: fc.constantFrom('skip' as const, 'allow' as const),
    next: fc.constantFrom('later', 'later', 'completion', 'completion', 'none'),
    flaw: fc.constantFrom('none', 'none', 'none', 'none', 'version', 'watermark', 'jobVersion', 'early'),
    epoch: anEpoch,
  })
  .map(({ trigger, fires: count, missed, overlap, next, flaw, epoch }): Operation => async (world) => {
    const key = world.triggerKey(trigger);
    const awaitsEnd = next === 'completion';
    const fires = awaitsEnd ? 1 : count;
    world.tick += 10;
    const nominalAt = BASE + 1000 * world.tick;
    const decision: Omit<FireDecision, 'expected'> = {
      trigger: key,
      watermark: nominalAt + fires,
      dueAt: flaw === 'early' ? BASE * 2 : nominalAt,
      nextDueAt: next === 'none' ? null : awaitsEnd ? 'completion' : nominalAt + 5000,
      fires: Array.from({ length: fires }, (_, i) => ({
        ...aFire(world.reference.stores, {
          job: jobKeyOfTrigger(key),
          nominalAt: nominalAt + i,
          trigger: triggerName(key),
        }),
        id: scheduledExecutionId(world.shard, key, nominalAt + i),
        lane: LANES[world.tick % 20 === 0 ? 1 : 0],
        maxAttempts: 1 + (i % 2),
        ...(awaitsEnd ? { isAwaited: true as const } : {}),
      })),
      missed: Array.from({ length: missed }, () => ({
        ...{
          id: missedExecutionId(world.shard, key, nominalAt - 5),
          nominalAt: nominalAt - 5,
          throughAt: nominalAt - 1,
        },
        ...{ count: 4, reason: 'misfire-too-old' as const },
      })),
      overlap,
      retentionMs: HOUR,
    };
    return {
      label: `fire ${key} ×${fires} ${overlap} ${next} ${flaw} epoch ${epoch}`,
      // Where an execution was waited for, the watermark is an instant of the store's own clock.
      call: async ({ executions, jobs }) => {
        const state = (await jobs.getTrigger(key))?.state ?? { version: 1, watermark: BASE };
        const jobVersion = (await jobs.getJob(jobKeyOfTrigger(key)))?.version ?? 1;
        const expected = {
          version: state.version + (flaw === 'version' ? 1 : 0),
          watermark: state.watermark + (flaw === 'watermark' ? 1 : 0),
          jobVersion: jobVersion + (flaw === 'jobVersion' ? 1 : 0),
        };
        return executions.fire(world.shard, epoch, [{ ...decision, expected }]);
      },
    };
  });

const claim = fc
  .record({
    lanes: fc.subarray([...LANES], { minLength: 1 }),
    limit: fc.integer({ min: 1, max: 3 }),
    leaseMs: aDuration,
    again: fc.nat(4),
  })
  .map(({ lanes, limit, leaseMs, again }): Operation => async (world) => {
    const last = world.tokens.at(-1);
    const token = again === 0 && last !== undefined ? last : aToken();
    world.tokens.push(token);
    return {
      label: `claim ${limit} for ${leaseMs} ms as ${token}`,
      call: async ({ executions }) => {
        const claimed = await executions.claim(world.shard, { lanes, limit, worker: 'w1', leaseMs, token });
        return again === 0 ? [...claimed].sort((a, b) => (a.execution.id < b.execution.id ? -1 : 1)) : claimed;
      },
    };
  });

const aSettlement: fc.Arbitrary<Settlement> = fc.oneof(
  fc.record({
    type: fc.constant('succeeded' as const),
    result: fc.constantFrom(1, null, { a: [1] }),
    retentionMs: aDuration,
  }),
  fc.record({ type: fc.constant('retry' as const), error: fc.constant(ERROR), retryInMs: aDuration }),
  fc.record({
    ...{ type: fc.constant('failed' as const), error: fc.constant(ERROR) },
    ...{ reason: fc.constantFrom('attempts-used-up' as const, 'discarded' as const), retentionMs: aDuration },
  }),
  fc.record({
    type: fc.constant('cancelled' as const),
    reason: fc.constant('job-deleted' as const),
    retentionMs: aDuration,
  }),
  fc.constant<Settlement>({ type: 'released' }),
);

const settle = fc
  .record({ execution: anIndex, token: fc.nat(2), settlement: aSettlement, times: fc.constantFrom(1, 1, 2) })
  .map(({ execution, token, settlement, times }): Operation => async (world) => {
    const id = await world.executionId(execution);
    const by = world.tokens.at(-1 - token) ?? aToken();
    const items = Array.from({ length: times }, () => ({ id, token: by, settlement }));
    return {
      label: `settle ${id} as ${settlement.type} by ${by} ×${times}`,
      call: ({ executions }) => executions.settle(world.shard, items),
    };
  });

const extend = fc
  .record({ execution: anIndex, token: fc.nat(2), leaseMs: aDuration })
  .map(({ execution, token, leaseMs }): Operation => async (world) => {
    const id = await world.executionId(execution);
    const by = world.tokens.at(-1 - token) ?? aToken();
    return {
      label: `extend ${id} by ${by} to ${leaseMs} ms`,
      call: ({ executions }) => executions.extend(world.shard, [{ id, token: by }], leaseMs),
    };
  });

const callers = fc
  .record({ execution: anIndex, what: fc.constantFrom('cancel', 'retry', 'get'), retentionMs: aDuration })
  .map(({ execution, what, retentionMs }): Operation => async (world) => {
    const id = await world.executionId(execution);
    const calls = {
      cancel: ({ executions }: Stores) => executions.cancelExecution(id, retentionMs),
      retry: ({ executions }: Stores) => executions.retryExecution(id),
      get: ({ executions }: Stores) => executions.getExecution(id),
    };
    return { label: `${what} ${id}`, call: calls[what as 'get'] };
  });

const run = fc
  .record({ job: anIndex, at: fc.nat(3), priority: fc.integer({ min: -1, max: 1 }) })
  .map(({ job, at, priority }): Operation => async (world) => {
    const key = world.job(job);
    const execution: NewExecution = {
      ...aFire(world.reference.stores, { job: key, nominalAt: BASE + at, priority, data: { at } }),
      ...{ trigger: null, id: manualExecutionId(world.shard, BASE + at, `r${job % 2}`) },
    };
    return { label: `run ${execution.id}`, call: ({ executions }) => executions.run(execution) };
  });

const upkeep = fc
  .record({ epoch: anEpoch, what: fc.constantFrom('requeue', 'rescue', 'delete') })
  .map(({ epoch, what }): Operation => async ({ shard }) => {
    const calls = {
      requeue: ({ executions }: Stores) => executions.requeueRetries(shard, epoch, 100),
      rescue: ({ executions }: Stores) => executions.rescueExpired(shard, epoch, 100),
      delete: ({ executions }: Stores) => executions.deleteExpired(shard, epoch, 100),
    };
    return { label: `${what} epoch ${epoch}`, call: calls[what as 'requeue'] };
  });

const fence = fc
  .record({
    epoch: anEpoch,
    member: fc.constantFrom('ada', 'bob'),
    what: fc.constantFrom('seal', 'seal', 'release', 'raise'),
  })
  .map(({ epoch, member, what }): Operation => async ({ shard }) => {
    const calls = {
      seal: ({ executions }: Stores) => executions.sealFence(shard, epoch, member),
      release: ({ executions }: Stores) => executions.releaseFence(shard, epoch),
      // Seldom more than the epochs that the other operations carry, or all of them would be refused.
      raise: async ({ executions }: Stores) =>
        (await executions.readFence(shard)).epoch < 2 ? executions.raiseFence(shard, member) : null,
    };
    return {
      label: `${what} ${epoch} ${member}`,
      call: calls[what as 'release'],
    };
  });

export const anOperation: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: putJob, weight: 5 },
  { arbitrary: putTriggers, weight: 2 },
  { arbitrary: putOneTrigger, weight: 3 },
  { arbitrary: changeJob, weight: 2 },
  { arbitrary: deleteTrigger, weight: 1 },
  { arbitrary: fire, weight: 10 },
  { arbitrary: claim, weight: 6 },
  { arbitrary: settle, weight: 8 },
  { arbitrary: extend, weight: 2 },
  { arbitrary: callers, weight: 3 },
  { arbitrary: run, weight: 3 },
  { arbitrary: upkeep, weight: 4 },
  { arbitrary: fence, weight: 1 },
);
