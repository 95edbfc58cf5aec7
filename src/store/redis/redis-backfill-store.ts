import {
  backfillKeyOf,
  type Backfill,
  type BackfillKey,
  type BackfillReason,
  type BackfillRequest,
  type BackfillState,
  type BackfillStep,
} from '../../domain/backfill.js';
import { InvariantError } from '../../domain/errors.js';
import type { ExecutionId } from '../../domain/execution.js';
import type { JobKey } from '../../domain/job.js';
import { shardOfJob, type Epoch, type ShardId } from '../../domain/shard.js';
import { noJob, tooManyBackfills } from '../backfill-refusals.js';
import { MAX_BACKFILLS, type BackfillOutcome, type BackfillStore } from '../backfill-store.js';
import { canonicalJson, parseJson } from './canonical-json.js';
import type { RedisConnection } from './connection.js';
import { encodeNewExecution } from './execution-codec.js';
import { readyChannelPrefix, wakeChannel } from './keys.js';
import { runFenced } from './fenced-script.js';
import type { RedisLayout } from './redis-layout.js';
import { SCRIPT_CODES as CODES, type ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
}

/**
 * A backfill is stored as two lines:
 *
 *     state|cursor|queued|skipped|id of the last execution|finishedAt|reason
 *     the request as JSON
 */
export class RedisBackfillStore implements BackfillStore {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async putBackfill(request: BackfillRequest): Promise<Backfill> {
    const { scripts, layout } = this.#deps;
    const { job } = request;
    const shard = this.#shardOf(job);
    const { jobs, backfills } = layout.keys(shard);
    const record = `running|${request.from - 1}|0|0|||\n${canonicalJson(request)}`;
    const args = [job, backfillKeyOf(request), record, MAX_BACKFILLS, wakeChannel(layout.cluster, shard)];
    const [code, stored] = (await scripts.run('put_backfill', [jobs, backfills], args)) as [number, string];
    if (code === CODES.NOT_FOUND) throw noJob(job);
    if (code === CODES.FULL) throw tooManyBackfills();
    return decode(stored);
  }

  async getBackfill(job: JobKey, id: string): Promise<Backfill | null> {
    const { connection, layout } = this.#deps;
    const { backfills } = layout.keys(this.#shardOf(job));
    const record = await connection.send('HGET', [backfills, backfillKeyOf({ job, id })]);
    return typeof record === 'string' ? decode(record) : null;
  }

  async listBackfills(job: JobKey): Promise<readonly Backfill[]> {
    return (await this.readBackfills(this.#shardOf(job))).filter((backfill) => backfill.job === job);
  }

  async cancelBackfill(job: JobKey, id: string): Promise<Backfill | null> {
    const { fence, backfills } = this.#deps.layout.keys(this.#shardOf(job));
    const args = ['', backfillKeyOf({ job, id }), 'cancelled'];
    const reply = await this.#deps.scripts.run('end_backfill', [fence, backfills], args);
    const [code, record] = reply as [number, string];
    return code === CODES.NOT_FOUND ? null : decode(record);
  }

  async readBackfills(shard: ShardId): Promise<readonly Backfill[]> {
    const { connection, layout } = this.#deps;
    const records = (await connection.send('HVALS', [layout.keys(shard).backfills])) as string[];
    return records.map(decode).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  async stepBackfill(shard: ShardId, epoch: Epoch, step: BackfillStep): Promise<BackfillOutcome> {
    const { layout } = this.#deps;
    const [, outcome] = await runFenced(this.#deps, 'step_backfill', {
      shard,
      epoch,
      keys: ['fence', 'backfills', 'executions', 'ready', 'history', 'expiry'],
      args: [
        ...[epoch, readyChannelPrefix(layout.cluster), shard, step.backfill, step.expectedCursor, step.cursor],
        ...[step.overlap, step.isLast ? 1 : 0, step.retentionMs],
        ...step.fires.flatMap((fire) => [fire.id, ...encodeNewExecution(fire)]),
      ],
    });
    if (outcome === CODES.FIRED) return 'stepped';
    if (outcome === CODES.WAITING) return 'busy';
    if (outcome === CODES.STALE) return 'stale';
    throw new InvariantError(`unexpected code ${String(outcome)} of the script step_backfill`);
  }

  async endBackfill(shard: ShardId, epoch: Epoch, backfill: BackfillKey, reason: BackfillReason): Promise<void> {
    await runFenced(this.#deps, 'end_backfill', {
      shard,
      epoch,
      keys: ['fence', 'backfills'],
      args: [epoch, backfill, reason],
    });
  }

  async dropBackfills(shard: ShardId, epoch: Epoch, keys: readonly BackfillKey[]): Promise<void> {
    await runFenced(this.#deps, 'drop_backfills', {
      shard,
      epoch,
      keys: ['fence', 'backfills'],
      args: [epoch, ...keys],
    });
  }

  #shardOf(job: JobKey): ShardId {
    return shardOfJob(job, this.#deps.layout.shardCount);
  }
}

function decode(record: string): Backfill {
  const lineEnd = record.indexOf('\n');
  const [state, cursor, queued, skipped, last, finishedAt, reason] = record.slice(0, lineEnd).split('|');
  if (reason === undefined) throw new InvariantError('the record of a backfill is damaged');
  return {
    ...(parseJson(record.slice(lineEnd + 1)) as unknown as BackfillRequest),
    state: state as BackfillState,
    cursor: Number(cursor),
    queuedCount: Number(queued),
    skippedCount: Number(skipped),
    ...(last ? { lastExecutionId: last as ExecutionId } : {}),
    ...(finishedAt ? { finishedAt: Number(finishedAt) } : {}),
    ...(reason === '' ? {} : { reason: reason as BackfillReason }),
  };
}
