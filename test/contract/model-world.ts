import type { Execution, ExecutionId } from '../../src/domain/execution.js';
import { jobKeyOf, type JobKey } from '../../src/domain/job.js';
import type { LeaseToken } from '../../src/domain/lease.js';
import { shardOfJob } from '../../src/domain/shard.js';
import { triggerKeyOf, type Trigger, type TriggerKey } from '../../src/domain/trigger.js';
import type { Stores } from '../../src/store/stores.js';
import type { StoresUnderTest } from './factory.js';

/** Two jobs that share a shard, with up to three triggers each: small, so that operations meet. */
export const TRIGGER_NAMES = ['t1', 't2', 't3'] as const;
const NAMESPACE = 'model';

/** Long past, so that every nominal time is due by any clock; later instants come from the store's clock. */
export const BASE = Date.parse('2026-01-01T00:00:00Z');

/** Both implementations side by side, and what a client of them would remember. */
export class World {
  readonly jobs: readonly JobKey[];
  readonly shard: number;
  readonly tokens: LeaseToken[] = [];
  /** Grows with each fire, so that nominal times ascend. */
  tick = 0;

  constructor(
    readonly reference: StoresUnderTest,
    readonly other: StoresUnderTest,
  ) {
    const { shardCount } = reference.stores.executions;
    this.shard = shardOfJob(jobKeyOf(NAMESPACE, 'job-0'), shardCount);
    const names = Array.from({ length: 1000 }, (_, i) => jobKeyOf(NAMESPACE, `job-${i}`));
    this.jobs = names.filter((key) => shardOfJob(key, shardCount) === this.shard).slice(0, 2);
  }

  job(index: number): JobKey {
    return this.jobs[index % this.jobs.length] ?? jobKeyOf(NAMESPACE, 'job-0');
  }

  triggerKey(index: number): TriggerKey {
    return triggerKeyOf(this.job(index), TRIGGER_NAMES[index % TRIGGER_NAMES.length] ?? 't1');
  }

  /** One of the stored executions, or an id that was never stored. */
  async executionId(index: number): Promise<ExecutionId> {
    const all = await allExecutions(this.reference.stores);
    return all[index % (all.length + 1)]?.id ?? (`${this.shard}-000000000000001-nothing` as ExecutionId);
  }

  /** Lets short delays, leases and retentions end in both. */
  async passTime(): Promise<void> {
    await this.reference.advance(4);
    await this.other.advance(4);
  }
}

/** Everything that can be seen of the shard through the ports, without the values of clocks. */
export async function visibleState({ jobs, shard }: World, { jobs: jobStore, executions }: Stores): Promise<unknown> {
  const triggers: Trigger[] = [];
  for (const job of jobs) triggers.push(...(await jobStore.listTriggers(job, { limit: 10 })).items);
  const { sealedAt, ...fence } = await executions.readFence(shard);
  const { dueAt, retryAt, leaseAt, expiryAt } = await executions.wakeTimes(shard);
  const due = await executions.readDue(shard, BASE * 2, 2);
  // Durations are either over after `passTime`, or last for an hour or more.
  const halfAnHourAhead = (await executions.serverTime()) + 1_800_000;
  return timeless({
    jobs: await Promise.all(jobs.map((job) => jobStore.getJob(job))),
    listed: (await jobStore.listJobs({ namespace: NAMESPACE, limit: 10 })).items,
    triggers: triggers.sort((a, b) => (a.key < b.key ? -1 : 1)).map(withoutClock),
    triggerCounts: await Promise.all(jobs.map((job) => jobStore.countTriggers(job))),
    executions: await allExecutions({ executions }),
    counts: await executions.countShard(shard),
    due: [due.triggers.map(({ key }) => key), [...due.jobs.keys()].sort(), byPlan(due.followingDueAt)],
    fence: [fence.epoch, fence.member, sealedAt === null],
    wakeTimes: [
      byPlan(dueAt),
      ...[retryAt, leaseAt, expiryAt].map((at) => (at === null ? null : at > halfAnHourAhead)),
    ],
  });
}

/** Instants that the operations choose lie on the first day; those of a completion come from the store's clock. */
function byPlan(at: number | null | undefined): unknown {
  return at === null || at === undefined || at < BASE + 86_400_000 ? at : 'by the clock';
}

function withoutClock({ dueAt, state: { watermark, ...state }, ...trigger }: Trigger): unknown {
  const isAfterEnd = byPlan(dueAt) !== dueAt && byPlan(watermark) !== watermark;
  const seenDueAt = isAfterEnd ? Number(dueAt) - watermark : byPlan(dueAt);
  return { ...trigger, state: { ...state, watermark: byPlan(watermark) }, dueAt: seenDueAt };
}

/** Clock values differ between the two; that something has one must not. */
export function timeless(value: unknown): unknown {
  const clocks = new Set(['firedAt', 'startedAt', 'finishedAt', 'createdAt', 'updatedAt', 'resumedAt', 'since']);
  return JSON.parse(
    JSON.stringify(value, (key, field: unknown) => (clocks.has(key) && typeof field === 'number' ? 'instant' : field)),
  );
}

export async function allExecutions({ executions }: Pick<Stores, 'executions'>): Promise<Execution[]> {
  const { items } = await executions.listExecutions({ namespace: NAMESPACE, limit: 500 });
  return [...items].sort((a, b) => (a.id < b.id ? -1 : 1));
}
