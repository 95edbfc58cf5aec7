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
    const shard = shardOfJob(key, this.#deps.executions.shardCount);
    const now = this.#deps.clusterClock.now();
    const id = runId(key, { shard, now, idempotencyKey });
    const job = await this.#deps.owners.existing(key);
    const execution = await this.#deps.executions.run({
      id,
      job: key,
      trigger: null,
      nominalAt: now,
      dueAt: now,
      lane: laneOf(job.queue, job.target),
      priority: job.priority,
      maxAttempts: job.retry.maxAttempts,
      ...(data === undefined ? {} : { data }),
    });
    if (!isDeepStrictEqual(execution.data, data)) {
      throw new ConflictError('CJ_IDEMPOTENCY_CONFLICT', `run ${id} was asked for with other data`, { execution: id });
    }
    return executionView(execution);
  }

  async get(id: string): Promise<ExecutionView> {
    return executionView(await this.#existing(id));
  }

  async list(query: ExecutionQuery): Promise<Page<ExecutionView>> {
    const filter = parseInput(executionQuerySchema, query);
    const page = await this.#deps.executions.listExecutions({ namespace: this.#namespace, ...filter });
    return { ...page, items: page.items.map(executionView) };
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
 * With an idempotency key the id follows from job and key alone, instant 0 in place of the time of the
 * request: so the store itself makes sure that there is one run, whoever asks and however late.
 */
function runId(
  job: JobKey,
  { shard, now, idempotencyKey }: { shard: ShardId; now: EpochMs; idempotencyKey: string | undefined },
): ExecutionId {
  if (idempotencyKey === undefined) return manualExecutionId(shard, now, randomUUID().replaceAll('-', ''));
  if (idempotencyKey.length === 0 || idempotencyKey.length > MAX_KEY_LENGTH) {
    throw new ValidationError([
      { field: 'idempotencyKey', message: 'has the wrong length', allowed: `1 to ${MAX_KEY_LENGTH} characters` },
    ]);
  }
  const digest = createHash('sha256').update(`${job}\n${idempotencyKey}`).digest('hex');
  return manualExecutionId(shard, 0, digest.slice(0, 32));
}
