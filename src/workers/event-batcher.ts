import type { JsonObject } from '../domain/json.js';
import { splitJobKey } from '../domain/job.js';
import type { Execution } from '../domain/execution.js';
import type { CancelTimer } from '../runtime/clock.js';
import { Service } from '../runtime/service.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { ClusterEvent, EventBus } from '../store/event-bus.js';
import type { Clock } from '../runtime/clock.js';

const FLUSH_MS = 100;

/** Routine events beyond this many per flush are dropped: people watch them, nothing depends on them. */
const MAX_ROUTINE = 200;
const MAX_NOTABLE = 2000;

export type ExecutionEventType = 'started' | 'succeeded' | 'retrying' | 'failed' | 'cancelled';

export interface EventBatcherDeps {
  readonly events: Pick<EventBus, 'publish'>;
  readonly clock: Clock;
  readonly clusterClock: ClusterClock;
}

/**
 * Collects what happens to executions and publishes it ten times a second, so that events cost little when
 * thousands of executions run. Under such load `started` and `succeeded` are a sample; `retrying`, `failed`
 * and `cancelled` have a far higher limit.
 */
export class EventBatcher extends Service {
  readonly name = 'event-batcher';
  readonly #deps: EventBatcherDeps;
  #batch: ClusterEvent[] = [];
  #routine = 0;
  #notable = 0;
  #cancelFlush: CancelTimer | undefined;

  constructor(deps: EventBatcherDeps) {
    super();
    this.#deps = deps;
  }

  add(type: ExecutionEventType, execution: Execution, facts: JsonObject): void {
    if (type === 'started' || type === 'succeeded') {
      if (this.#routine >= MAX_ROUTINE) return;
      this.#routine += 1;
    } else {
      if (this.#notable >= MAX_NOTABLE) return;
      this.#notable += 1;
    }
    const { namespace, name } = splitJobKey(execution.job);
    const { id, trigger, attempt, nominalAt } = execution;
    const at = this.#deps.clusterClock.now();
    this.#batch.push({
      type,
      at,
      namespace,
      facts: { job: name, trigger, execution: id, attempt, nominalAt, ...facts },
    });
    this.#cancelFlush ??= this.#deps.clock.setTimer(FLUSH_MS, () => this.#flush());
  }

  protected onStart(): Promise<void> {
    return Promise.resolve();
  }

  protected onStop(): Promise<void> {
    this.#flush();
    return Promise.resolve();
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#routine = 0;
    this.#notable = 0;
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0) this.#deps.events.publish(batch);
  }
}
