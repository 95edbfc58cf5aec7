import { Controller, Get, Inject } from '@nestjs/common';
import { toIso } from '../domain/time/instant.js';
import type { RollbackRecord } from '../domain/shard-progress.js';
import type { ShardCounts } from '../store/execution-store.js';
import type { NodeRecord } from '../store/node-registry.js';
import { API_DEPS, type ApiDeps } from './api-deps.js';
import { Operation } from './operation.js';

interface NodeView {
  readonly id: string;
  readonly facts: NodeRecord['facts'];
  readonly seenAt: string;
}

interface ShardView {
  readonly shard: number;
  readonly owner: string | null;
  readonly epoch: number;
  readonly since: string | null;
  readonly counts: ShardCounts;
  readonly lagMs: number;
  readonly rollback: RollbackView | null;
}

interface RollbackView extends Pick<RollbackRecord, 'kind' | 'lostCommits'> {
  readonly at: string;
  readonly decidedThrough: string | null;
}

@Controller('v1')
export class ClusterController {
  readonly #deps: ApiDeps;

  constructor(@Inject(API_DEPS) deps: ApiDeps) {
    this.#deps = deps;
  }

  @Get('cluster')
  @Operation({ summary: 'Scheduler members, and who leads which shard', answers: { 200: 'Cluster' } })
  async cluster(): Promise<{ members: readonly NodeView[]; shards: readonly ShardView[]; clockOffsetMs: number }> {
    const { registry, executions, clusterClock } = this.#deps.stores;
    const shardIds = Array.from({ length: executions.shardCount }, (_, shard) => shard);
    const [members, shards] = await Promise.all([
      registry.list('scheduler'),
      Promise.all(shardIds.map((shard) => this.#shard(shard))),
    ]);
    return { members: members.map(nodeView), shards, clockOffsetMs: clusterClock.offsetMs() };
  }

  @Get('workers')
  @Operation({ summary: 'Live workers', answers: { 200: 'WorkerPage' } })
  async workers(): Promise<{ items: readonly NodeView[] }> {
    return { items: (await this.#deps.stores.registry.list('worker')).map(nodeView) };
  }

  async #shard(shard: number): Promise<ShardView> {
    const { executions, clusterClock, progress } = this.#deps.stores;
    const [fence, counts, { dueAt }, rollback] = await Promise.all([
      executions.readFence(shard),
      executions.countShard(shard),
      executions.wakeTimes(shard),
      progress.readRollback(shard),
    ]);
    return {
      shard,
      owner: fence.member,
      epoch: fence.epoch,
      since: fence.sealedAt === null ? null : toIso(fence.sealedAt),
      counts,
      lagMs: dueAt === null ? 0 : Math.max(0, Math.round(clusterClock.now() - dueAt)),
      rollback: rollback === null ? null : rollbackView(rollback),
    };
  }
}

function nodeView({ id, facts, seenAt }: NodeRecord): NodeView {
  return { id, facts, seenAt: toIso(seenAt) };
}

function rollbackView({ kind, at, lostCommits, decidedThrough }: RollbackRecord): RollbackView {
  return { kind, at: toIso(at), lostCommits, decidedThrough: decidedThrough === 0 ? null : toIso(decidedThrough) };
}
