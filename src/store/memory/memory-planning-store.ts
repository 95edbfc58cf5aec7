import { InvariantError } from '../../domain/errors.js';
import type { Epoch, ShardId } from '../../domain/shard.js';
import { jobKeyOfTrigger, type Trigger, type TriggerKey } from '../../domain/trigger.js';
import type { Clock } from '../../runtime/clock.js';
import { FINISHED_TRIGGER_MS } from '../execution-store.js';
import type { DueChange, Planning, PlanningStore, TriggerScan } from '../planning-store.js';
import type { MemoryShard } from './memory-shard.js';

const SCAN_STEP = 1000;

export class MemoryPlanningStore implements PlanningStore {
  readonly #shards: readonly MemoryShard[];
  readonly #clock: Clock;
  readonly #planned = new Map<ShardId, Planning>();

  constructor({ shards, clock }: { shards: readonly MemoryShard[]; clock: Clock }) {
    this.#shards = shards;
    this.#clock = clock;
  }

  async readPlanning(shard: ShardId): Promise<Planning | null> {
    return this.#planned.get(shard) ?? null;
  }

  async recordPlanning(shard: ShardId, epoch: Epoch, planning: Planning): Promise<void> {
    this.#shard(shard).admit(epoch);
    this.#planned.set(shard, planning);
  }

  /** The cursor is the key of the trigger that was looked at last; the jobs come in the order of their creation. */
  async scanTriggers(
    shard: ShardId,
    { cursor, withCalendars }: { readonly cursor: string | null; readonly withCalendars: boolean },
  ): Promise<TriggerScan> {
    const seen: Trigger[] = [];
    for (const trigger of this.#triggersAfter(this.#shard(shard), cursor)) {
      if (seen.length === SCAN_STEP) return { triggers: wanted(seen, withCalendars), nextCursor: lastKey(seen) };
      seen.push(trigger);
    }
    return { triggers: wanted(seen, withCalendars), nextCursor: null };
  }

  async moveDue(shardId: ShardId, epoch: Epoch, changes: readonly DueChange[]): Promise<number> {
    const shard = this.#shard(shardId);
    shard.admit(epoch);
    let count = 0;
    for (const { trigger: key, expected, dueAt } of changes) {
      const stored = shard.jobs.get(jobKeyOfTrigger(key));
      const trigger = shard.trigger(key);
      if (stored === undefined || trigger === undefined || !isSame(trigger, expected)) continue;
      const { dueAt: _dueAt, ...rest } = trigger;
      shard.putTrigger(stored, { ...rest, ...(dueAt === null ? {} : { dueAt }) });
      if (dueAt === null) shard.finished.set(key, this.#clock.now() + FINISHED_TRIGGER_MS);
      count += 1;
    }
    return count;
  }

  *#triggersAfter(shard: MemoryShard, cursor: string | null): Generator<Trigger> {
    const job = cursor === null ? null : jobKeyOfTrigger(cursor as TriggerKey);
    // A job that was deleted meanwhile does not say where to go on: then from the beginning.
    let isBefore = job !== null && shard.jobs.has(job);
    for (const [key, { triggers, names }] of shard.jobs) {
      if (isBefore && key !== job) continue;
      const after = isBefore ? (cursor as string).slice(key.length + 1) : '';
      isBefore = false;
      for (const { member } of names.after({ score: 0, member: after }, SCAN_STEP + 1)) {
        const trigger = triggers.get(member);
        if (trigger !== undefined) yield trigger;
      }
    }
  }

  #shard(id: ShardId): MemoryShard {
    const shard = this.#shards[id];
    if (shard === undefined) throw new InvariantError(`there is no shard ${id}`);
    return shard;
  }
}

function wanted(triggers: readonly Trigger[], withCalendars: boolean): readonly Trigger[] {
  return withCalendars ? triggers.filter(({ definition }) => definition.calendars !== undefined) : triggers;
}

function lastKey(triggers: readonly Trigger[]): string | null {
  return triggers.at(-1)?.key ?? null;
}

function isSame(trigger: Trigger, expected: DueChange['expected']): boolean {
  return (
    trigger.state.version === expected.version &&
    trigger.state.watermark === expected.watermark &&
    (trigger.dueAt ?? null) === expected.dueAt
  );
}
