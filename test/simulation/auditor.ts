import type { Backfill, BackfillStep } from '../../src/domain/backfill.js';
import type { Execution, ExecutionId } from '../../src/domain/execution.js';
import type { Job } from '../../src/domain/job.js';
import type { MemoryShard, StoredExecution } from '../../src/store/memory/memory-shard.js';
import { ExecutionLedger } from './execution-ledger.js';
import { Fires } from './fires.js';
import { LeadershipLedger } from './leadership-ledger.js';
import { OPERATOR } from './members.js';
import type { SimProcess } from './sim-process.js';
import type { StoreCall, StoreMonitor } from './sim-store.js';
import type { Simulation } from './simulation.js';
import { Violation } from './violation.js';

/**
 * Watches the store from inside, change by change, and keeps the ledgers. What it finds ends the run; it never
 * disturbs what it watches.
 */
export class Auditor implements StoreMonitor {
  readonly fires: Fires;
  readonly executions: ExecutionLedger;
  readonly leadership: LeadershipLedger;
  readonly #sim: Simulation;
  readonly #changes: number[] = [];
  #clock: SimProcess | null = null;
  #shards: readonly MemoryShard[] = [];
  #call: StoreCall | null = null;
  calls = 0;

  constructor(sim: Simulation, deps: { readonly holderOf: (shard: number) => string | undefined }) {
    this.#sim = sim;
    const time = { trueNow: () => sim.now };
    this.fires = new Fires(time);
    this.executions = new ExecutionLedger(this.fires, time);
    this.leadership = new LeadershipLedger({ ...deps, changes: (shard) => this.#changes[shard] ?? 0 });
  }

  watch(clock: SimProcess, shards: readonly MemoryShard[]): void {
    this.#clock = clock;
    this.#shards = shards;
    for (const shard of shards) this.#watchShard(shard);
  }

  sending(call: StoreCall): void {
    this.#guard(() => this.leadership.sending(call));
  }

  applying(call: StoreCall): void {
    this.calls += 1;
    this.#call = call;
    this.fires.isReplacing = call.client.name === OPERATOR;
    this.#guard(() => this.leadership.applying(call));
  }

  applied(call: StoreCall, result: { readonly value: unknown } | { readonly error: unknown }): void {
    const error = 'error' in result ? result.error : undefined;
    this.#sim.note(() => `${call.client.name} ${describe(call)} -> ${describeResult(result)}`);
    this.#guard(() => this.leadership.applied(call, error));
    if ('value' in result) this.#guard(() => this.#noteResult(call, result.value));
    this.#call = null;
  }

  /** Indexes against records; a pass over everything there is. */
  checkIndexes(): void {
    this.#guard(() => this.#shards.forEach(checkShard));
  }

  /** `shards`: those that the process would act upon if it ran now. */
  checkTrust(process: SimProcess, shards: readonly number[]): void {
    this.#guard(() => shards.forEach((shard) => this.leadership.checkTrust(process.name, shard)));
  }

  /** What should have been decided by now, with `slackMs` to spare. */
  checkProgress(slackMs: number): void {
    const now = this.#now();
    this.#guard(() => {
      for (const { trigger, nominalAt } of this.fires.overdue(now - slackMs))
        throw new Violation('I8', `${trigger} has not been decided ${now - nominalAt} ms after its instant`);
    });
  }

  /** Backfills that nothing holds move within `slackMs`. */
  checkBackfills(slackMs: number): void {
    this.#guard(() => {
      for (const key of this.fires.backfills.stuck(this.#sim.now - slackMs))
        throw new Violation('I8', `the backfill ${key} has not moved for ${slackMs} ms`);
    });
  }

  isBehind(slackMs: number): boolean {
    return this.fires.overdue(this.#now() - slackMs).next().done !== true;
  }

  checkFinished(): void {
    this.#guard(() => {
      for (const { id, state } of this.executions.open())
        throw new Violation('I4', `${id} is still ${state} at the end`);
    });
  }

  #noteResult({ method, args }: StoreCall, value: unknown): void {
    const { backfills } = this.fires;
    const now = this.#now();
    switch (method) {
      case 'extend':
        this.#noteExtended(args, value as readonly string[], now);
        break;
      case 'pauseJob':
        this.fires.jobPaused(String(args[0]), (value as Job).pause?.since ?? now);
        break;
      case 'resumeJob':
        this.fires.jobResumed(String(args[0]), (value as Job).resumedAt ?? now);
        break;
      case 'deleteJob':
        if (value === true) this.fires.jobDeleted(String(args[0]));
        break;
      case 'putBackfill':
        backfills.requested(value as Backfill);
        break;
      case 'stepBackfill':
        if (value === 'stepped' && (args[2] as BackfillStep).isLast) backfills.done((args[2] as BackfillStep).backfill);
        break;
      case 'cancelBackfill':
        backfills.cancelled(`${String(args[0])}/${String(args[1])}`);
        break;
      case 'endBackfill':
        backfills.cancelled(String(args[2]));
        break;
    }
  }

  #noteExtended(args: readonly unknown[], outcomes: readonly string[], now: number): void {
    const [, leases, leaseMs] = args as [number, readonly { id: ExecutionId; token: string }[], number];
    leases.forEach(({ id, token }, index) => {
      if (outcomes[index] !== 'lost') this.executions.extended(id, token, now + leaseMs);
    });
  }

  #watchShard(shard: MemoryShard): void {
    const changed = (): void => void (this.#changes[shard.id] = (this.#changes[shard.id] ?? 0) + 1);
    const filed = (record: Execution): void => {
      changed();
      this.#guard(() => this.executions.filed(record, this.#call, this.#now()));
    };
    const deleted = (id: ExecutionId): void => {
      changed();
      this.#guard(() => this.executions.deleted(id));
    };
    const executions = new WatchedExecutions(filed, deleted);
    const putTrigger = shard.putTrigger.bind(shard);
    const removeTrigger = shard.removeTrigger.bind(shard);
    Object.assign(shard, {
      executions,
      putTrigger: (...args: Parameters<MemoryShard['putTrigger']>) => {
        changed();
        putTrigger(...args);
        this.#guard(() => this.fires.written(args[1], this.#now()));
      },
      removeTrigger: (...args: Parameters<MemoryShard['removeTrigger']>) => {
        const isRemoved = removeTrigger(...args);
        if (isRemoved) {
          changed();
          this.fires.removed(args[0]);
        }
        return isRemoved;
      },
    });
  }

  #now(): number {
    return this.#clock?.now() ?? 0;
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#sim.fail(error as Error);
    }
  }
}

/** Every change of a record files it anew. */
class WatchedExecutions extends Map<ExecutionId, StoredExecution> {
  readonly #filed: (record: Execution) => void;
  readonly #deleted: (id: ExecutionId) => void;

  constructor(filed: (record: Execution) => void, deleted: (id: ExecutionId) => void) {
    super();
    this.#filed = filed;
    this.#deleted = deleted;
  }

  override set(id: ExecutionId, stored: StoredExecution): this {
    super.set(id, stored);
    this.#filed(stored.record);
    return this;
  }

  override delete(id: ExecutionId): boolean {
    const isDeleted = super.delete(id);
    if (isDeleted) this.#deleted(id);
    return isDeleted;
  }
}

function checkShard(shard: MemoryShard): void {
  for (const { triggers } of shard.jobs.values()) {
    for (const { key, dueAt } of triggers.values()) {
      if (shard.due.score(key) !== dueAt)
        throw new Violation('I9', `${key} is due at ${dueAt}, the index says ${shard.due.score(key)}`);
    }
  }
  for (const [id, { record }] of shard.executions) {
    const filed = filedUnder(shard, record);
    if (filed.length !== 1 || filed[0] !== (MOVING.has(record.state) ? record.state : 'ended'))
      throw new Violation('I9', `${id} is ${record.state} and filed under ${filed.join(', ')}`);
  }
}

const MOVING: ReadonlySet<string> = new Set(['queued', 'running', 'retrying']);

function filedUnder(shard: MemoryShard, { id, lane }: Execution): readonly string[] {
  const sets: string[] = [];
  if (shard.ready.get(lane)?.score(id) !== undefined) sets.push('queued');
  if (shard.leases.score(id) !== undefined) sets.push('running');
  if (shard.retries.score(id) !== undefined) sets.push('retrying');
  if (shard.ended.score(id) !== undefined) sets.push('ended');
  return sets;
}

function describe({ method, args }: StoreCall): string {
  return `${method}(${JSON.stringify(args).slice(0, 300)})`;
}

function describeResult(result: { readonly value: unknown } | { readonly error: unknown }): string {
  if ('error' in result)
    return result.error instanceof Error ? `${result.error.name}: ${result.error.message}` : 'error';
  return (JSON.stringify(result.value) ?? 'ok').slice(0, 200);
}
