import type { Execution } from '../../src/domain/execution.js';
import type { Trigger, TriggerKey } from '../../src/domain/trigger.js';
import { BackfillLedger } from './backfill-ledger.js';
import { DelayLedger } from './delay-ledger.js';
import { FiringLedger } from './firing-ledger.js';
import { JobPauses } from './job-pauses.js';
import { isDelay } from './timetable.js';
import { Violation } from './violation.js';

/** The circumstances under which a record was written. */
export interface Recording {
  /** By the store's clock. */
  readonly now: number;
  /** Members have had time to learn of the last change of the store's clock. */
  readonly isClockKnown: boolean;
  /** By who writes the trigger anew, not by the leader. */
  readonly isReplacing: boolean;
}

/** Executions that take heed of each other: `wait`: one is not queued before the last has ended. */
export interface Succession {
  readonly key: string;
  readonly overlap: 'allow' | 'skip' | 'wait';
}

/** After this long every member has measured the store's clock again. */
const CLOCK_LEARNT_MS = 200_000;

/** Hands everything that is written about fires to the ledger that keeps their kind. */
export class Fires {
  readonly pauses = new JobPauses();
  readonly timetables = new FiringLedger(this.pauses);
  readonly delays = new DelayLedger(this.pauses);
  readonly backfills: BackfillLedger;
  /** What the store holds to be due next. */
  readonly #due = new Map<TriggerKey, { readonly version: number; readonly dueAt: number }>();
  /** By the store's clock, when that was set last: members estimate it wrong for a while. */
  clockSetAt = -Infinity;
  /** What is written just now comes from who writes a trigger anew, not from the leader. */
  isReplacing = false;

  constructor({ trueNow }: { readonly trueNow: () => number }) {
    this.backfills = new BackfillLedger(this.pauses, trueNow);
  }

  /** Null for what stands alone. */
  successionOf(record: Execution): Succession | null {
    const trigger = triggerOf(record);
    if (trigger === null) return null;
    const backfilled = this.backfills.overlapOf(record);
    if (backfilled !== undefined)
      return { key: `${record.job}/${record.backfill}`, overlap: backfilled === 'bufferAll' ? 'wait' : backfilled };
    if (this.delays.has(trigger)) return { key: `${trigger}#${this.delays.lifeOf(trigger)}`, overlap: 'wait' };
    const overlap = this.timetables.overlapOf(trigger);
    return { key: `${trigger}#${this.timetables.lifeOf(trigger)}`, overlap: overlap === 'skip' ? 'skip' : 'allow' };
  }

  recorded(record: Execution, now: number): void {
    const trigger = triggerOf(record);
    if (trigger === null) return;
    const isClockKnown = Math.abs(now - this.clockSetAt) > CLOCK_LEARNT_MS;
    const recording = { now, isClockKnown, isReplacing: this.isReplacing };
    if (record.backfill !== undefined) this.backfills.recorded(record, recording);
    else if (this.delays.has(trigger)) this.delays.recorded(trigger, record, recording);
    else this.timetables.recorded(trigger, record, recording);
  }

  written(trigger: Trigger, now: number): void {
    const { key, state, dueAt } = trigger;
    const old = this.#due.get(key);
    if (old !== undefined && old.version !== state.version && old.dueAt <= now)
      throw new Violation('I2', `${key} was written anew while it was due, and nobody has decided that`);
    this.#due.set(key, { version: state.version, dueAt: dueAt ?? Infinity });
    if (isDelay(trigger.definition.data)) this.delays.written(trigger, { isReplacing: this.isReplacing });
    else this.timetables.written(trigger);
  }

  removed(trigger: TriggerKey): void {
    this.#due.delete(trigger);
    this.delays.removed(trigger);
    this.timetables.removed(trigger);
  }

  ended(record: Execution, now: number): void {
    const trigger = triggerOf(record);
    if (record.backfill !== undefined) this.backfills.ended(record);
    else if (trigger !== null) this.delays.ended(trigger, record.id, now);
  }

  revived(record: Execution): void {
    const trigger = triggerOf(record);
    if (record.backfill !== undefined) this.backfills.revived(record);
    else if (trigger !== null) this.delays.revived(trigger, record.id);
  }

  jobPaused(job: string, at: number): void {
    this.pauses.paused(job, at);
  }

  jobResumed(job: string, at: number): void {
    this.pauses.resumed(job, at);
    this.backfills.jobResumed(job);
  }

  jobDeleted(job: string): void {
    const left = [...this.timetables.triggers(), ...this.delays.triggers()].find((key) => key.startsWith(`${job}/`));
    if (left !== undefined) throw new Violation('I3', `${left} outlives its job`);
    this.pauses.deleted(job);
    this.backfills.jobResumed(job);
  }

  /** Each trigger with a nominal time that should have been decided by `until`, with the first such time. */
  *overdue(until: number): Generator<{ readonly trigger: TriggerKey; readonly nominalAt: number }> {
    yield* this.timetables.overdue(until);
    yield* this.delays.overdue(until);
  }
}

function triggerOf({ job, trigger }: Execution): TriggerKey | null {
  return trigger === null ? null : `${job}/${trigger}`;
}
