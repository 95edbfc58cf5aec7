import { createHash, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ConflictError, NotFoundError, ValidationError } from '../domain/errors.js';
import { manualExecutionId, parseExecutionId, type Execution, type ExecutionId } from '../domain/execution.js';
import { parseInput } from '../domain/input.js';
import { dataSchema, splitJobKey, type JobKey } from '../domain/job.js';
import { shardOfJob, type ShardId } from '../domain/shard.js';
import { laneOf } from '../domain/target.js';
import type { EpochMs } from '../domain/time/instant.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { ExecutionStore } from '../store/execution-store.js';
import type { JobStore, Page } from '../store/job-store.js';
import type { ExecutionQuery, RunOptions } from './job-client.js';
import { executionQuerySchema } from './queries.js';
import type { StoreJobs } from './store-jobs.js';
import { executionView } from './view-of.js';
import type { ExecutionView } from './views.js';

export interface StoreExecutionsDeps {
  readonly jobs: JobStore;
  readonly executions: ExecutionStore;
  readonly clusterClock: ClusterClock;
  readonly owners: StoreJobs;
}

/** Retention of a record whose job is gone. */
const ORPHAN_RETENTION_MS = 86_400_000;
const MAX_KEY_LENGTH = 255;
const HOUR_MS = 3_600_000;
/** How long an idempotency key is remembered, unless the record of its run is deleted sooner. */
const KEY_HOURS = 24;

/** The executions of one namespace, over the store. Contract: `JobClient`. */
export class StoreExecutions {
  readonly #deps: StoreExecutionsDeps;
  readonly #namespace: string;

  constructor(deps: StoreExecutionsDeps, config: { namespace: string }) {
    this.#deps = deps;
    this.#namespace = config.namespace;
  }

  async run(name: string, { data, idempotencyKey }: RunOptions): Promise<ExecutionView> {
    if (data !== undefined) parseData(data);
    const key = this.#deps.owners.keyOf(name);
    const now = this.#deps.clusterClock.now();
    const shard = shardOfJob(key, this.#deps.executions.shardCount);
    const [newest, ...older] =
      idempotencyKey === undefined
        ? [manualExecutionId(shard, now, randomUUID().replaceAll('-', ''))]
        : keyedRunIds(key, { shard, now, idempotencyKey });
    const job = await this.#deps.owners.existing(key);
    const earlier = await Promise.all(older.map((id) => this.#deps.executions.getExecution(id)));
    const execution =
      earlier.find((found) => found !== null) ??
      (await this.#deps.executions.run({
        id: newest,
        job: key,
        trigger: null,
        nominalAt: now,
        dueAt: now,
        lane: laneOf(job.queue, job.target),
        priority: job.priority,
        maxAttempts: job.retry.maxAttempts,
        ...(data === undefined ? {} : { data }),
      }));
    if (!isDeepStrictEqual(execution.data, data)) {
      const message = `the idempotency key of run ${execution.id} was used with other data`;
      throw new ConflictError('CJ_IDEMPOTENCY_CONFLICT', message, { execution: execution.id });
    }
    return executionView(execution);
  }

  async get(id: string): Promise<ExecutionView> {
    return executionView(await this.#existing(id));
  }

  async list(query: ExecutionQuery): Promise<Page<ExecutionView>> {
    const filter = parseInput(executionQuerySchema, query);
    const page = await this.#deps.executions.listExecutions({ namespace: this.#namespace, ...filter });
    const newestFirst = [...page.items].sort((a, b) => b.nominalAt - a.nominalAt);
    return { ...page, items: newestFirst.map(executionView) };
  }

  async cancel(id: string): Promise<ExecutionView> {
    const execution = await this.#existing(id);
    const job = await this.#deps.jobs.getJob(execution.job);
    const retentionMs = job?.retention.succeededMs ?? ORPHAN_RETENTION_MS;
    return executionView(found(id, await this.#deps.executions.cancelExecution(execution.id, retentionMs)));
  }

  async retry(id: string): Promise<ExecutionView> {
    const execution = await this.#existing(id);
    return executionView(found(id, await this.#deps.executions.retryExecution(execution.id)));
  }

  /** What belongs to another namespace does not exist here. */
  async #existing(id: string): Promise<Execution> {
    const parsed = parseExecutionId(id);
    const isPossible = parsed !== null && parsed.shard < this.#deps.executions.shardCount;
    const execution = found(id, isPossible ? await this.#deps.executions.getExecution(parsed.id) : null);
    return found(id, splitJobKey(execution.job).namespace === this.#namespace ? execution : null);
  }
}

function found(id: string, execution: Execution | null): Execution {
  if (execution !== null) return execution;
  throw new NotFoundError('CJ_EXECUTION_NOT_FOUND', `there is no execution ${id}`, { execution: id });
}

function parseData(data: unknown): void {
  try {
    parseInput(dataSchema, data);
  } catch (error) {
    throw error instanceof ValidationError ? error.under('data') : error;
  }
}

/**
 * The ids that a run with this key may have, newest first. An id follows from job, key and the hour of the
 * request alone, so that within an hour the store itself makes sure that there is one run; a run of the last
 * `KEY_HOURS` is found by its id. Two requests of one key that are both under way when an hour ends may still
 * become two runs. The instant in the id is the end of the hour: a list by time must not pass the run over.
 */
function keyedRunIds(
  job: JobKey,
  { shard, now, idempotencyKey }: { shard: ShardId; now: EpochMs; idempotencyKey: string },
): [ExecutionId, ...ExecutionId[]] {
  if (idempotencyKey.length === 0 || idempotencyKey.length > MAX_KEY_LENGTH) {
    throw new ValidationError([
      { field: 'idempotencyKey', message: 'has the wrong length', allowed: `1 to ${MAX_KEY_LENGTH} characters` },
    ]);
  }
  const unique = createHash('sha256').update(`${job}\n${idempotencyKey}`).digest('hex').slice(0, 32);
  const end = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;
  const idOfHour = (hoursAgo: number): ExecutionId => manualExecutionId(shard, end - hoursAgo * HOUR_MS, unique);
  return [idOfHour(0), ...Array.from({ length: KEY_HOURS }, (_, i) => idOfHour(i + 1))];
}
