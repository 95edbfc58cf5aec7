import type { Backfill, BackfillOverlap } from '../../src/domain/backfill.js';
import type { Execution, ExecutionId } from '../../src/domain/execution.js';
import type { TriggerKey } from '../../src/domain/trigger.js';
import type { JobPauses } from './job-pauses.js';
import type { Recording } from './fires.js';
import { nominalTimes, timetableOf } from './timetable.js';
import { Violation } from './violation.js';

interface Followed {
  readonly trigger: TriggerKey;
  readonly overlap: BackfillOverlap;
  readonly times: readonly number[];
  /** Those of `times` that have a record, which come in order. */
  decided: number;
  isRunning: boolean;
  last: ExecutionId | null;
  hasLastEnded: boolean;
  /** True time at which it came further, or could. */
  movedAt: number;
}

/** Follows every backfill: each time of its range once, in order, and all of them when it is done. */
export class BackfillLedger {
  readonly #pauses: JobPauses;
  readonly #trueNow: () => number;
  readonly #followed = new Map<string, Followed>();
  fires = 0;
  finished = 0;

  constructor(pauses: JobPauses, trueNow: () => number) {
    this.#pauses = pauses;
    this.#trueNow = trueNow;
  }

  requested({ id, job, trigger, definition, from, to, overlap }: Backfill): void {
    const key = `${job}/${id}`;
    if (this.#followed.has(key)) return;
    this.#followed.set(key, {
      trigger: `${job}/${trigger}`,
      overlap,
      times: nominalTimes(timetableOf(definition.data), from - 1, to - 1),
      decided: 0,
      isRunning: true,
      last: null,
      hasLastEnded: true,
      movedAt: this.#trueNow(),
    });
  }

  overlapOf(record: Execution): BackfillOverlap | undefined {
    return this.#of(record)?.overlap;
  }

  recorded(record: Execution, { now }: Recording): void {
    const { id, state, nominalAt, dueAt, firedAt } = record;
    const followed = this.#of(record);
    if (followed?.isRunning !== true) throw new Violation('I3', `${id} belongs to no backfill that runs`);
    const { times, decided } = followed;
    if (times.slice(0, decided).includes(nominalAt)) throw new Violation('I1', `${id} is the second of its backfill`);
    if (times[decided] !== nominalAt || dueAt !== nominalAt)
      throw new Violation('I3', `${id} is not the next of its backfill: ${times[decided]}`);
    if (firedAt !== now) throw new Violation('I3', `${id} says that it was recorded at another time`);
    followed.decided += 1;
    followed.movedAt = this.#trueNow();
    if (state !== 'queued') return;
    this.fires += 1;
    followed.last = id;
    followed.hasLastEnded = false;
  }

  ended(record: Execution): void {
    const followed = this.#of(record);
    if (followed?.last !== record.id) return;
    followed.hasLastEnded = true;
    followed.movedAt = this.#trueNow();
  }

  revived(record: Execution): void {
    const followed = this.#of(record);
    if (followed?.last === record.id) followed.hasLastEnded = false;
  }

  /** The product says that nothing is left of it. */
  done(key: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) throw new Violation('I3', `nobody has asked for the backfill ${key}`);
    const { times, decided } = followed;
    if (decided < times.length) throw new Violation('I2', `${key} is done after ${decided} of ${times.length} times`);
    followed.isRunning = false;
    this.finished += 1;
  }

  /** By a caller, or with its job. */
  cancelled(key: string): void {
    const followed = this.#followed.get(key);
    if (followed !== undefined) followed.isRunning = false;
  }

  jobResumed(job: string): void {
    for (const [key, followed] of this.#followed) if (key.startsWith(`${job}/`)) followed.movedAt = this.#trueNow();
  }

  /** Those that have not moved since `until`, true time, although nothing held them. */
  *stuck(until: number): Generator<string> {
    for (const [key, { trigger, overlap, isRunning, hasLastEnded, movedAt }] of this.#followed) {
      if (!isRunning || movedAt > until || this.#pauses.isPaused(trigger)) continue;
      if (overlap !== 'bufferAll' || hasLastEnded) yield key;
    }
  }

  #of({ job, backfill }: Execution): Followed | undefined {
    return this.#followed.get(`${job}/${backfill ?? ''}`);
  }
}
