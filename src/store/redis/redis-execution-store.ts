import { ConflictError, InvariantError } from '../../domain/errors.js';
import {
  parseExecutionId,
  type Execution,
  type ExecutionError,
  type ExecutionId,
  type NewExecution,
} from '../../domain/execution.js';
import type { Job, JobKey } from '../../domain/job.js';
import { epochOf, type Epoch, type MemberId, type ShardId } from '../../domain/shard.js';
import type { Lane } from '../../domain/target.js';
import type { DurationMs, EpochMs } from '../../domain/time/instant.js';
import type { Trigger, TriggerKey } from '../../domain/trigger.js';
import {
  FINISHED_TRIGGER_MS,
  type ClaimedExecution,
  type ClaimRequest,
  type DueBatch,
  type ExecutionFilter,
  type ExecutionStore,
  type ExtendOutcome,
  type FenceState,
  type FireDecision,
  type FireResult,
  type LeaseRef,
  type SettleOutcome,
  type Settlement,
  type ShardCounts,
  type ShardWakeTimes,
  type Unsubscribe,
} from '../execution-store.js';
import type { Page } from '../job-store.js';
import { escapeField } from './canonical-json.js';
import type { RedisConnection } from './connection.js';
import { decodeExecution, encodeError, encodeNewExecution } from './execution-codec.js';
import { ExecutionListing } from './execution-listing.js';
import { runFenced } from './fenced-script.js';
import { fireArguments, fireResults } from './fire-call.js';
import { decodeJob } from './job-codec.js';
import type { JobSweeper } from './job-sweeper.js';
import { readyChannelPrefix, wakeChannel } from './keys.js';
import type { RedisLayout } from './redis-layout.js';
import { SCRIPT_CODES as CODES, type ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';
import { readServerTime } from './server-time.js';
import { extendOutcome, settleArguments, settleOutcome } from './settle-call.js';
import type { ShardHints } from './shard-hints.js';
import { decodeTrigger } from './trigger-codec.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
  readonly sweeper: JobSweeper;
  readonly hints: ShardHints;
}

const LEASE_EXPIRED: ExecutionError = {
  code: 'CJ_LEASE_LOST',
  message: 'the lease ended without word from the worker',
};

/** Fires and executions in Redis: every change is one script on the keys of one shard. */
export class RedisExecutionStore implements ExecutionStore {
  readonly #deps: Deps;
  readonly #listing: ExecutionListing;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#listing = new ExecutionListing(deps);
  }

  get shardCount(): number {
    return this.#deps.layout.shardCount;
  }

  serverTime(): Promise<EpochMs> {
    return readServerTime(this.#deps.connection);
  }

  // ── leadership ──────────────────────────────────────────────────────────────────────────────────────────

  async readFence(shard: ShardId): Promise<FenceState> {
    const { connection, layout } = this.#deps;
    const reply = await connection.send('HMGET', [layout.keys(shard).fence, 'epoch', 'member', 'sealedAt']);
    const [epoch, member, sealedAt] = reply as (string | null)[];
    return {
      epoch: epochOf(Number(epoch ?? 0)),
      member: member ? member : null,
      sealedAt: sealedAt ? Number(sealedAt) : null,
    };
  }

  async sealFence(shard: ShardId, epoch: Epoch, member: MemberId): Promise<void> {
    await runFenced(this.#deps, 'seal_fence', { shard, epoch, keys: ['fence'], args: [epoch, member] });
  }

  async releaseFence(shard: ShardId, epoch: Epoch): Promise<void> {
    await runFenced(this.#deps, 'release_fence', { shard, epoch, keys: ['fence'], args: [epoch] });
  }

  async raiseFence(shard: ShardId, member: MemberId, above = epochOf(0)): Promise<Epoch> {
    const { layout, scripts } = this.#deps;
    return epochOf(Number(await scripts.run('raise_fence', [layout.keys(shard).fence], [member, above])));
  }

  // ── firing ──────────────────────────────────────────────────────────────────────────────────────────────

  async readDue(shard: ShardId, until: EpochMs, limit: number, from: EpochMs = -Infinity): Promise<DueBatch> {
    const { layout, scripts } = this.#deps;
    const { due, triggers, jobs } = layout.keys(shard);
    const reply = await scripts.run(
      'read_due',
      [due, triggers, jobs],
      [until, limit, from === -Infinity ? '-inf' : from],
    );
    const [following, found, foundJobs] = reply as [string, string[], string[]];
    return {
      triggers: dueTriggers(shard, found),
      jobs: jobsByKey(foundJobs),
      followingDueAt: following === '' ? null : Number(following),
    };
  }

  async fire(shard: ShardId, epoch: Epoch, decisions: readonly FireDecision[]): Promise<readonly FireResult[]> {
    const head = [epoch, this.#readyPrefix, shard, FINISHED_TRIGGER_MS];
    const keys = ['fence', 'jobs', 'triggers', 'due', 'executions', 'ready', 'history', 'expiry'] as const;
    const reply = await runFenced(this.#deps, 'fire', {
      shard,
      epoch,
      keys,
      args: [...head, ...fireArguments(decisions)],
    });
    return fireResults(reply.slice(1));
  }

  async dropOrphans(shard: ShardId, epoch: Epoch, triggers: readonly TriggerKey[]): Promise<void> {
    const keys = ['fence', 'jobs', 'triggers', 'triggerNames', 'due', 'expiry'] as const;
    await runFenced(this.#deps, 'drop_orphans', { shard, epoch, keys, args: [epoch, ...triggers] });
  }

  async wakeTimes(shard: ShardId): Promise<ShardWakeTimes> {
    const { connection, layout } = this.#deps;
    const { due, retries, leases, expiry } = layout.keys(shard);
    const first = async (key: string): Promise<EpochMs | null> => {
      const [, score] = (await connection.send('ZRANGE', [key, 0, 0, 'WITHSCORES'])) as string[];
      return score === undefined ? null : Number(score);
    };
    const [dueAt, retryAt, leaseAt, expiryAt] = await Promise.all([
      first(due),
      first(retries),
      first(leases),
      first(expiry),
    ]);
    return { dueAt, retryAt, leaseAt, expiryAt };
  }

  async requeueRetries(shard: ShardId, epoch: Epoch, limit: number): Promise<number> {
    const keys = ['fence', 'executions', 'ready', 'retries'] as const;
    const [, count] = await runFenced(this.#deps, 'requeue_retries', {
      shard,
      epoch,
      keys,
      args: [epoch, limit, this.#readyPrefix, shard],
    });
    return Number(count);
  }

  async rescueExpired(
    shard: ShardId,
    epoch: Epoch,
    limit: number,
  ): Promise<{ readonly requeued: number; readonly failed: number; readonly cancelled: number }> {
    const keys = ['fence', 'jobs', 'executions', 'ready', 'leases', 'expiry', 'triggers', 'due'] as const;
    const wake = wakeChannel(this.#deps.layout.cluster, shard);
    const args = [epoch, limit, this.#readyPrefix, shard, encodeError(LEASE_EXPIRED), wake];
    const [, requeued, failed, cancelled] = await runFenced(this.#deps, 'rescue_expired', { shard, epoch, keys, args });
    return { requeued: Number(requeued), failed: Number(failed), cancelled: Number(cancelled) };
  }

  async deleteExpired(shard: ShardId, epoch: Epoch, limit: number): Promise<number> {
    const keys = ['fence', 'executions', 'history', 'expiry', 'triggers', 'triggerNames', 'due'] as const;
    const [, count, ...deleting] = await runFenced(this.#deps, 'delete_expired', {
      shard,
      epoch,
      keys,
      args: [epoch, limit],
    });
    for (const job of deleting) await this.#deps.sweeper.sweep(job as JobKey, shard);
    return Number(count) + deleting.length;
  }

  onShardChanged(shard: ShardId, listener: () => void): Promise<Unsubscribe> {
    return this.#deps.hints.onShardChanged(shard, listener);
  }

  // ── work ────────────────────────────────────────────────────────────────────────────────────────────────

  async claim(shard: ShardId, request: ClaimRequest): Promise<readonly ClaimedExecution[]> {
    const { layout, scripts } = this.#deps;
    const { ready, executions, leases, claims } = layout.keys(shard);
    const { worker, token, leaseMs, limit, lanes } = request;
    const args = [escapeField(worker), escapeField(token), leaseMs, limit, ...new Set(lanes)];
    const reply = (await scripts.run('claim', [ready, executions, leases, claims], args)) as string[];
    const claimed: ClaimedExecution[] = [];
    for (let i = 0; i < reply.length; i += 2) {
      claimed.push({ execution: decodeExecution(reply[i] as ExecutionId, String(reply[i + 1])), token });
    }
    return claimed;
  }

  async extend(shard: ShardId, leases: readonly LeaseRef[], leaseMs: DurationMs): Promise<readonly ExtendOutcome[]> {
    const { layout, scripts } = this.#deps;
    const keys = layout.keys(shard);
    const args = [leaseMs, ...leases.flatMap(({ id, token }) => [id, escapeField(token)])];
    const reply = (await scripts.run('extend', [keys.executions, keys.leases], args)) as unknown[];
    return reply.map(extendOutcome);
  }

  async settle(
    shard: ShardId,
    items: readonly (LeaseRef & { readonly settlement: Settlement })[],
  ): Promise<readonly SettleOutcome[]> {
    const { layout, scripts } = this.#deps;
    const { executions, leases, ready, retries, expiry, jobs, triggers, due } = layout.keys(shard);
    const args = [this.#readyPrefix, shard, wakeChannel(layout.cluster, shard), ...items.flatMap(settleArguments)];
    const reply = await scripts.run('settle', [executions, leases, ready, retries, expiry, jobs, triggers, due], args);
    return (reply as unknown[]).map(settleOutcome);
  }

  onReady(lanes: readonly Lane[], listener: (shard: ShardId, lane: Lane) => void): Promise<Unsubscribe> {
    return this.#deps.hints.onReady(lanes, listener);
  }

  // ── callers ─────────────────────────────────────────────────────────────────────────────────────────────

  async run(execution: NewExecution): Promise<Execution> {
    const { layout, scripts } = this.#deps;
    const shard = parseExecutionId(execution.id)?.shard;
    if (shard === undefined) throw new InvariantError(`execution ${execution.id} belongs to no shard`);
    const { executions, ready, history } = layout.keys(shard);
    const args = [execution.id, execution.job, ...encodeNewExecution(execution), this.#readyPrefix, shard];
    return decodeExecution(execution.id, String(await scripts.run('run', [executions, ready, history], args)));
  }

  async getExecution(id: ExecutionId): Promise<Execution | null> {
    const { connection } = this.#deps;
    const keys = this.#keysOf(id);
    const record = keys === null ? null : await connection.send('HGET', [keys.executions, id]);
    return typeof record === 'string' ? decodeExecution(id, record) : null;
  }

  listExecutions(filter: ExecutionFilter): Promise<Page<Execution>> {
    return this.#listing.list(filter);
  }

  async cancelExecution(id: ExecutionId, retentionMs: DurationMs): Promise<Execution | null> {
    const keys = this.#keysOf(id);
    if (keys === null) return null;
    const { layout, scripts } = this.#deps;
    const { executions, ready, retries, expiry, triggers, due } = keys;
    const args = [id, retentionMs, wakeChannel(layout.cluster, parseExecutionId(id)?.shard ?? 0)];
    const reply = await scripts.run('cancel', [executions, ready, retries, expiry, triggers, due], args);
    const [code, record] = reply as [number, string];
    return code === CODES.NOT_FOUND ? null : decodeExecution(id, record);
  }

  async retryExecution(id: ExecutionId): Promise<Execution | null> {
    const keys = this.#keysOf(id);
    if (keys === null) return null;
    const { executions, ready, expiry } = keys;
    const args = [id, this.#readyPrefix, parseExecutionId(id)?.shard ?? 0];
    const reply = await this.#deps.scripts.run('retry_execution', [executions, ready, expiry], args);
    const [code, detail] = reply as [number, string];
    if (code === CODES.NOT_FOUND) return null;
    if (code === CODES.OK) return decodeExecution(id, detail);
    throw new ConflictError('CJ_STATE_CONFLICT', `execution ${id} is ${detail}, not failed`, {
      executionId: id,
      state: detail,
    });
  }

  async countShard(shard: ShardId): Promise<ShardCounts> {
    const { connection, layout } = this.#deps;
    const keys = layout.keys(shard);
    const [triggers, executions, queued, running, retrying] = (await Promise.all([
      connection.send('HLEN', [keys.triggers]),
      connection.send('HLEN', [keys.executions]),
      connection.send('ZCARD', [keys.ready]),
      connection.send('ZCARD', [keys.leases]),
      connection.send('ZCARD', [keys.retries]),
    ])) as [number, number, number, number, number];
    return { triggers, executions, queued, running, retrying };
  }

  get #readyPrefix(): string {
    return readyChannelPrefix(this.#deps.layout.cluster);
  }

  #keysOf(id: ExecutionId) {
    const shard = parseExecutionId(id)?.shard;
    return shard === undefined ? null : this.#deps.layout.find(shard);
  }
}

/** `found` holds key, due instant and record for each. */
function dueTriggers(shard: ShardId, found: readonly string[]): Trigger[] {
  const triggers: Trigger[] = [];
  for (let i = 0; i < found.length; i += 3) {
    const [key, dueAt, record] = [found[i] as TriggerKey, Number(found[i + 1]), found[i + 2]];
    if (record) triggers.push(decodeTrigger(shard, key, record, dueAt));
  }
  return triggers;
}

function jobsByKey(found: readonly string[]): Map<JobKey, Job> {
  const jobs = new Map<JobKey, Job>();
  for (let i = 0; i < found.length; i += 2) {
    const key = found[i] as JobKey;
    const job = decodeJob(key, String(found[i + 1]));
    if (job !== null) jobs.set(key, job);
  }
  return jobs;
}
