import { randomUUID } from 'node:crypto';
import type { Epoch, ShardId } from '../../domain/shard.js';
import type { RollbackRecord, ShardProgress } from '../../domain/shard-progress.js';
import type { MarkResult, ProgressStore } from '../progress-store.js';
import type { RedisConnection } from './connection.js';
import { runFenced } from './fenced-script.js';
import type { RedisLayout } from './redis-layout.js';
import { SCRIPT_CODES as CODES, type ScriptName } from './script-manifest.js';
import type { ScriptRunner } from './script-runner.js';

interface Deps {
  readonly connection: RedisConnection;
  readonly scripts: ScriptRunner<ScriptName>;
  readonly layout: RedisLayout;
}

export class RedisProgressStore implements ProgressStore {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get interruptionCount(): number {
    return this.#deps.connection.interruptionCount;
  }

  async readProgress(shard: ShardId): Promise<ShardProgress> {
    const { connection, layout } = this.#deps;
    const { fence } = layout.keys(shard);
    return progressOf((await connection.send('HMGET', [fence, 'epoch', 'commits', 'history'])) as unknown[]);
  }

  async markProgress(
    shard: ShardId,
    epoch: Epoch,
    { history, commits }: { readonly history: string | null; readonly commits: number },
  ): Promise<MarkResult> {
    const args = [epoch, commits, history ?? '', randomUUID()];
    const [code, ...rest] = await runFenced(this.#deps, 'mark_progress', { shard, epoch, keys: ['fence'], args });
    if (code === CODES.BEHIND) return { outcome: 'behind', found: progressOf(rest) };
    return { outcome: 'marked', commits: Number(rest[0]), history: String(rest[1]) };
  }

  async recordRollback(shard: ShardId, epoch: Epoch, rollback: RollbackRecord): Promise<void> {
    const args = [epoch, JSON.stringify(rollback)];
    await runFenced(this.#deps, 'record_rollback', { shard, epoch, keys: ['fence'], args });
  }

  async readRollback(shard: ShardId): Promise<RollbackRecord | null> {
    const { connection, layout } = this.#deps;
    const text = await connection.send('HGET', [layout.keys(shard).fence, 'rollback']);
    return typeof text === 'string' ? (JSON.parse(text) as RollbackRecord) : null;
  }
}

function progressOf([epoch, commits, history]: readonly unknown[]): ShardProgress {
  return {
    epoch: Number(epoch ?? 0),
    commits: Number(commits ?? 0),
    history: typeof history === 'string' && history !== '' ? history : null,
  };
}
