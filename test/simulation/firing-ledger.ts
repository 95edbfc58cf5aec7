import type { Execution } from '../../src/domain/execution.js';
import type { Trigger, TriggerKey } from '../../src/domain/trigger.js';
import type { JobPauses } from './job-pauses.js';
import type { Recording } from './fires.js';
import { nominalTimes, timetableOf, type Timetable } from './timetable.js';
import { Violation } from './violation.js';

interface Life {
  /** Grows with each creation under the same key. */
  readonly number: number;
  version: number;
  watermark: number;
  fireCount: number;
  table: Timetable;
  overlap: string | undefined;
  dueAt: number | undefined;
  isPaused: boolean;
}

/**
 * Follows every trigger from what the store writes, and holds each advance of a watermark against the timetable: what
 * lies between the old one and the new has a record, or fell into a pause of the job.
 */
export class FiringLedger {
  readonly #lives = new Map<TriggerKey, Life>();
  /** Nominal times that have a record, also of former lives. */
  readonly #recorded = new Map<TriggerKey, Set<number>>();
  /** Records written since the watermark was; one decision writes them before it. */
  #fresh: Execution[] = [];
  readonly #pauses: JobPauses;
  #lifeCount = 0;
  fires = 0;
  inPause = 0;
  missed = 0;
  skipped = 0;
  worstLatenessMs = 0;

  constructor(pauses: JobPauses) {
    this.#pauses = pauses;
  }

  triggers(): Iterable<TriggerKey> {
    return this.#lives.keys();
  }

  lifeOf(trigger: TriggerKey): number {
    return this.#lives.get(trigger)?.number ?? 0;
  }

  overlapOf(trigger: TriggerKey): string | undefined {
    return this.#lives.get(trigger)?.overlap;
  }

  /** A new record of a fire, a miss or a skip. */
  recorded(trigger: TriggerKey, record: Execution, recording: Recording): void {
    const life = this.#lives.get(trigger);
    if (life === undefined) throw new Violation('I3', `${record.id}: ${trigger} does not exist`);
    const { table } = life;
    const times = timesOf(record, table);
    if (times[0] !== record.nominalAt)
      throw new Violation('I3', `${describe(trigger, record.nominalAt)} is no nominal time`);
    if (record.state === 'missed') this.#checkMiss(record, { trigger, table, times, recording });
    else this.#checkInstant(record, table, recording.now);
    if (record.state === 'queued' && (life.isPaused || this.#pauses.isPaused(trigger)))
      throw new Violation('I3', `${record.id} fired in a pause`);
    const known = this.#recorded.get(trigger) ?? new Set();
    this.#recorded.set(trigger, known);
    for (const time of times) {
      if (known.has(time)) throw new Violation('I1', `${describe(trigger, time)} has a second record, ${record.id}`);
      known.add(time);
    }
    if (record.state === 'queued') this.fires += 1;
    else if (record.state === 'skipped') this.skipped += 1;
    else if (record.reason === 'paused' || recording.isReplacing) this.inPause += times.length;
    else this.missed += times.length;
    this.#fresh.push(record);
  }

  written(trigger: Trigger): void {
    const life = this.#lives.get(trigger.key);
    const fresh = this.#fresh;
    this.#fresh = [];
    if (life === undefined || life.version !== trigger.state.version) this.#redefine(trigger, life);
    else this.#advance(life, trigger, fresh);
  }

  removed(trigger: TriggerKey): void {
    this.#lives.delete(trigger);
  }

  /** Each trigger with a nominal time that should have been decided by `until`, with the first such time. */
  *overdue(until: number): Generator<{ readonly trigger: TriggerKey; readonly nominalAt: number }> {
    for (const [trigger, life] of this.#lives) {
      if (life.isPaused || this.#pauses.isPaused(trigger)) continue;
      const { table, watermark, fireCount } = life;
      if (fireCount >= (table.maxFires ?? Infinity)) continue;
      const [first] = nominalTimes(table, watermark, until - table.jitterMs);
      if (first !== undefined) yield { trigger, nominalAt: first };
    }
  }

  #redefine({ key, definition, state, dueAt }: Trigger, old: Life | undefined): void {
    if (old !== undefined && (state.version < old.version || state.watermark < old.watermark))
      throw new Violation('forward', `${key}: version or watermark went back`);
    this.#lives.set(key, {
      number: old?.number ?? ++this.#lifeCount,
      version: state.version,
      watermark: state.watermark,
      fireCount: state.fireCount,
      table: timetableOf(definition.data),
      overlap: definition.overlap,
      dueAt,
      isPaused: definition.paused === true,
    });
  }

  #advance(life: Life, { key, state, dueAt }: Trigger, fresh: readonly Execution[]): void {
    if (state.watermark < life.watermark) throw new Violation('forward', `${key}: the watermark went back`);
    const outside = fresh.find(({ nominalAt }) => nominalAt <= life.watermark || nominalAt > state.watermark);
    if (outside !== undefined) throw new Violation('I1', `${outside.id} lies outside of its decision`);
    const known = this.#recorded.get(key);
    // One that has fired as often as it may has no times any more.
    const isUsedUp = life.fireCount >= (life.table.maxFires ?? Infinity);
    for (const time of isUsedUp ? [] : nominalTimes(life.table, life.watermark, state.watermark)) {
      if (known?.has(time) === true) continue;
      if (!this.#pauses.since(key, time).some(({ from }) => time + life.table.jitterMs >= from))
        throw new Violation('I2', `${describe(key, time)} was passed over without a record`);
      this.inPause += 1;
    }
    life.watermark = state.watermark;
    life.fireCount = state.fireCount;
    life.dueAt = dueAt;
    if (dueAt === undefined) this.#checkFinished(key, life);
  }

  #checkFinished(key: TriggerKey, { table, watermark, fireCount }: Life): void {
    const isUsedUp = fireCount >= (table.maxFires ?? Infinity);
    if (!isUsedUp && (table.endAt === null || nominalTimes(table, watermark, table.endAt).length > 0))
      throw new Violation('I2', `${key} has no further fire, although its schedule has`);
  }

  #checkInstant({ id, nominalAt, dueAt, firedAt }: Execution, table: Timetable, now: number): void {
    if (dueAt < nominalAt || dueAt > nominalAt + table.jitterMs) throw new Violation('I3', `${id} is due at ${dueAt}`);
    if (firedAt !== now || now < dueAt) throw new Violation('I3', `${id} fired ${dueAt - now} ms early`);
    this.worstLatenessMs = Math.max(this.worstLatenessMs, now - dueAt);
  }

  #checkMiss(
    { id, missed, reason }: Execution,
    {
      trigger,
      table,
      times,
      recording: { now, isClockKnown, isReplacing },
    }: { trigger: TriggerKey; table: Timetable; times: readonly number[]; recording: Recording },
  ): void {
    if (missed?.count !== times.length)
      throw new Violation('I2', `${id} stands for ${missed?.count}, not ${times.length}`);
    const last = times.at(-1) ?? now;
    if (isReplacing) return;
    if (reason === 'paused') {
      if (this.#pauses.since(trigger, last).length > 0) return;
      throw new Violation('I2', `${id} is said to have met a pause, and there was none`);
    }
    if (isClockKnown && now - last <= table.graceMs)
      throw new Violation('I2', `${id} was given up ${now - last} ms after its instant`);
  }
}

function timesOf(record: Execution, table: Timetable): readonly number[] {
  return nominalTimes(table, record.nominalAt - 1, record.missed?.throughAt ?? record.nominalAt);
}

function describe(trigger: TriggerKey, time: number): string {
  return `${trigger} at ${new Date(time).toISOString()}`;
}
