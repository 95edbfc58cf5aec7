import { repairedDueAt } from '../domain/due-repair.js';
import { isTerminal } from '../domain/execution-state.js';
import type { ExecutionId } from '../domain/execution.js';
import { splitJobKey } from '../domain/job.js';
import type { Epoch, ShardId } from '../domain/shard.js';
import type { EpochMs } from '../domain/time/instant.js';
import {
  awaitsCompletion,
  compileTrigger,
  dueAfterCompletion,
  jobKeyOfTrigger,
  type Trigger,
} from '../domain/trigger.js';
import type { Logger } from '../runtime/logger.js';
import type { ExecutionStore } from '../store/execution-store.js';
import type { PlanningStore } from '../store/planning-store.js';
import type { ReconcileStore, Repair } from '../store/reconcile-store.js';
import type { CalendarBook } from './calendar-book.js';

export interface ShardReconciliationDeps {
  readonly reconciling: ReconcileStore;
  readonly planning: Pick<PlanningStore, 'moveDue'>;
  readonly executions: Pick<ExecutionStore, 'getExecution'>;
  readonly calendars: Pick<CalendarBook, 'compiled'>;
  readonly logger: Logger;
}

export interface ShardReconciliationConfig {
  readonly shard: ShardId;
  /** Null = look only. */
  readonly epoch: Epoch | null;
  /** Whether to write still, asked right before. Default: yes. */
  readonly isTrusted?: () => boolean;
}

/** One pass over one shard, in pages. What the store cannot know, when a trigger is due, is judged here. */
export class ShardReconciliation {
  readonly #deps: ShardReconciliationDeps;
  readonly #config: ShardReconciliationConfig;
  #cursor: string | null = null;
  #isOver = false;
  #seenCount = 0;

  constructor(deps: ShardReconciliationDeps, config: ShardReconciliationConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get seenCount(): number {
    return this.#seenCount;
  }

  /** The next few hundred entries. Returns what was repaired, or would be. Errors: `FencedError`, `StoreUnavailableError`; then the same page is next. */
  async page(): Promise<readonly Repair[]> {
    const { shard, epoch } = this.#config;
    const page = await this.#deps.reconciling.reconcile(shard, { cursor: this.#cursor, epoch });
    const repairs = [...page.repairs];
    for (const trigger of page.triggers) {
      const dueAt = awaitsCompletion(trigger) ? await this.#judgeAwaiting(trigger) : this.#judge(trigger);
      if (dueAt !== undefined && (await this.#move(trigger, dueAt))) {
        repairs.push({ kind: trigger.dueAt === undefined ? 'due-missing' : 'due-too-late', subject: trigger.key });
      }
    }
    this.#seenCount += page.seenCount;
    this.#cursor = page.nextCursor;
    this.#isOver = page.nextCursor === null;
    return repairs;
  }

  #judge(trigger: Trigger): EpochMs | undefined {
    const { calendars, logger } = this.#deps;
    const { key, definition } = trigger;
    try {
      const { namespace } = splitJobKey(jobKeyOfTrigger(key));
      const named = calendars.compiled(namespace, definition.calendars ?? [], definition.timeZone);
      return repairedDueAt(trigger, compileTrigger(key, definition, named));
    } catch (error) {
      // Reported with every fire that cannot be decided.
      logger.debug('trigger-not-judged', { trigger: key, error });
      return undefined;
    }
  }

  /** Nothing is due before its last execution has ended; if that was missed, it would wait for ever. */
  async #judgeAwaiting({ definition, state }: Trigger): Promise<EpochMs | undefined> {
    const { lastExecutionId, watermark } = state;
    const last =
      lastExecutionId === undefined ? null : await this.#deps.executions.getExecution(lastExecutionId as ExecutionId);
    if (last !== null && !isTerminal(last.state)) return undefined;
    return dueAfterCompletion(definition, Math.max(watermark, last?.finishedAt ?? 0));
  }

  /** False when the trigger has changed since it was read, or somebody else may lead by now. */
  async #move({ key, state: { version, watermark }, dueAt: stored }: Trigger, dueAt: EpochMs): Promise<boolean> {
    const { shard, epoch, isTrusted } = this.#config;
    if (epoch === null) return true;
    if (isTrusted?.() === false) return false;
    const expected = { version, watermark, dueAt: stored ?? null };
    return (await this.#deps.planning.moveDue(shard, epoch, [{ trigger: key, expected, dueAt }])) === 1;
  }
}
