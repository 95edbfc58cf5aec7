import type { Execution, ExecutionId } from '../../src/domain/execution.js';
import type { Trigger, TriggerKey } from '../../src/domain/trigger.js';
import type { JobPauses } from './job-pauses.js';
import type { Recording } from './fires.js';
import { delayOf, type DelayTable } from './timetable.js';
import { Violation } from './violation.js';

interface Life {
  readonly number: number;
  version: number;
  watermark: number;
  fireCount: number;
  table: DelayTable;
  isPaused: boolean;
  /** The next fire is the delay after it: the definition, the last end, or a time that was missed. */
  base: number;
  /** The newest execution of this life. */
  last: ExecutionId | null;
  hasLastEnded: boolean;
}

/**
 * Follows the triggers that fire a delay after the end of their last execution: each time is the delay after the
 * last end (or the definition, or the end of a pause), neither before nor, for long, after it.
 */
export class DelayLedger {
  readonly #pauses: JobPauses;
  readonly #lives = new Map<TriggerKey, Life>();
  readonly #recorded = new Map<TriggerKey, Set<number>>();
  #fresh: Execution | null = null;
  #lifeCount = 0;
  fires = 0;
  missed = 0;

  constructor(pauses: JobPauses) {
    this.#pauses = pauses;
  }

  has(trigger: TriggerKey): boolean {
    return this.#lives.has(trigger);
  }

  triggers(): Iterable<TriggerKey> {
    return this.#lives.keys();
  }

  lifeOf(trigger: TriggerKey): number {
    return this.#lives.get(trigger)?.number ?? 0;
  }

  recorded(trigger: TriggerKey, record: Execution, recording: Recording): void {
    const life = this.#lives.get(trigger);
    if (life === undefined) throw new Violation('I3', `${record.id}: ${trigger} does not exist`);
    const times = this.#recorded.get(trigger) ?? new Set();
    this.#recorded.set(trigger, times);
    if (times.has(record.nominalAt)) throw new Violation('I1', `${record.id} is the second record of its time`);
    times.add(record.nominalAt);
    if (record.state === 'missed') this.#checkMiss(trigger, life, { record, recording });
    else this.#checkFire(trigger, life, { record, recording });
    this.#fresh = record;
  }

  written(trigger: Trigger, { isReplacing }: Pick<Recording, 'isReplacing'>): void {
    const life = this.#lives.get(trigger.key);
    const fresh = this.#fresh;
    this.#fresh = null;
    if (life === undefined || life.version !== trigger.state.version) this.#redefine(trigger, life);
    else if (isReplacing) this.#skipTo(life, trigger);
    else this.#advance(life, trigger, fresh);
  }

  removed(trigger: TriggerKey): void {
    this.#lives.delete(trigger);
  }

  ended(trigger: TriggerKey, id: ExecutionId, now: number): void {
    const life = this.#lives.get(trigger);
    if (life?.last !== id) return;
    life.hasLastEnded = true;
    // A paused trigger begins anew when it is written.
    if (!life.isPaused) life.base = Math.max(life.base, now);
  }

  revived(trigger: TriggerKey, id: ExecutionId): void {
    const life = this.#lives.get(trigger);
    if (life?.last === id) life.hasLastEnded = false;
  }

  *overdue(until: number): Generator<{ readonly trigger: TriggerKey; readonly nominalAt: number }> {
    for (const [trigger, life] of this.#lives) {
      const { table, fireCount } = life;
      if (life.isPaused || !life.hasLastEnded || this.#pauses.isPaused(trigger)) continue;
      const nominalAt = this.#nextOf(trigger, life);
      if (fireCount >= (table.maxFires ?? Infinity) || nominalAt >= (table.endAt ?? Infinity)) continue;
      if (nominalAt <= until) yield { trigger, nominalAt };
    }
  }

  #nextOf(trigger: TriggerKey, { base, table }: Life): number {
    return Math.max(base, this.#pauses.resumedAt(trigger)) + table.delayMs;
  }

  #checkFire(
    trigger: TriggerKey,
    life: Life,
    { record, recording: { now } }: { record: Execution; recording: Recording },
  ): void {
    const { id, state, nominalAt, dueAt, firedAt } = record;
    const expected = this.#nextOf(trigger, life);
    if (nominalAt !== expected || dueAt !== nominalAt)
      throw new Violation('I3', `${id} is due at ${dueAt}, ${dueAt - expected} ms beside the delay after the last end`);
    if (firedAt !== now || now < dueAt) throw new Violation('I3', `${id} fired ${dueAt - now} ms early`);
    if (life.isPaused || this.#pauses.isPaused(trigger)) throw new Violation('I3', `${id} fired in a pause`);
    if (nominalAt >= (life.table.endAt ?? Infinity) || life.fireCount >= (life.table.maxFires ?? Infinity))
      throw new Violation('I3', `${id} fired beyond the end of ${trigger}`);
    if (state !== 'queued') throw new Violation('overlap', `${id} was ${state}, and not waited for`);
    this.fires += 1;
    life.last = id;
    life.hasLastEnded = false;
  }

  #checkMiss(
    trigger: TriggerKey,
    life: Life,
    { record, recording }: { record: Execution; recording: Recording },
  ): void {
    const { id, nominalAt, reason, missed } = record;
    this.missed += 1;
    if (missed?.count !== 1) throw new Violation('I2', `${id} stands for ${missed?.count}, and one was due`);
    const isOvertaken = reason === 'paused' && this.#pauses.since(trigger, nominalAt).length > 0;
    if (isOvertaken || recording.isReplacing) {
      if (nominalAt !== life.base + life.table.delayMs && nominalAt !== this.#nextOf(trigger, life))
        throw new Violation('I3', `${id} is beside the delay`);
      return;
    }
    if (nominalAt !== this.#nextOf(trigger, life)) throw new Violation('I3', `${id} is beside the delay`);
    if (recording.isClockKnown && recording.now - nominalAt <= life.table.graceMs)
      throw new Violation('I2', `${id} was given up ${recording.now - nominalAt} ms after its instant`);
  }

  #redefine({ key, definition, state }: Trigger, old: Life | undefined): void {
    if (old !== undefined && (state.version < old.version || state.watermark < old.watermark))
      throw new Violation('forward', `${key}: version or watermark went back`);
    this.#lives.set(key, {
      number: old?.number ?? ++this.#lifeCount,
      version: state.version,
      watermark: state.watermark,
      fireCount: state.fireCount,
      table: delayOf(definition.data),
      isPaused: definition.paused === true,
      base: state.watermark,
      last: old?.last ?? null,
      hasLastEnded: old?.hasLastEnded ?? true,
    });
  }

  #advance(life: Life, { key, state: { watermark, fireCount } }: Trigger, fresh: Execution | null): void {
    if (watermark < life.watermark) throw new Violation('forward', `${key}: the watermark went back`);
    if (watermark > life.watermark) this.#checkMove(key, life, { watermark, fresh });
    life.watermark = watermark;
    life.fireCount = fireCount;
  }

  /** Nobody decides any more by the definition that is about to go. */
  #skipTo(life: Life, { state }: Trigger): void {
    life.watermark = state.watermark;
    life.base = Math.max(life.base, state.watermark);
  }

  #checkMove(key: TriggerKey, life: Life, to: { watermark: number; fresh: Execution | null }): void {
    const { watermark, fresh } = to;
    if (fresh !== null) {
      if (watermark < fresh.nominalAt) throw new Violation('I1', `${fresh.id} lies outside of its decision`);
      life.base = Math.max(life.base, watermark);
    } else if (watermark !== life.base) {
      const isFormer = this.#recorded.get(key)?.has(watermark) === true;
      if (!isFormer && this.#pauses.since(key, life.watermark).length === 0)
        throw new Violation('I2', `${key} counts from ${watermark}, although nothing ended then`);
      life.base = Math.max(life.base, watermark);
    }
  }
}
