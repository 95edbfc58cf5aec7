import { expect, it } from 'vitest';
import { epochOf } from '../../src/domain/shard.js';
import type { KnownProgress } from '../../src/domain/shard-progress.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { silentProbe } from '../../src/runtime/probe.js';
import { RollbackGuard } from '../../src/scheduler/rollback-guard.js';
import { MemoryStores } from '../../src/store/memory/memory-stores.js';
import { FakeTerm } from '../support/fake-term.js';
import { ManualClock } from '../support/manual-clock.js';

it('calls it no loss when another leader goes on while the checkpoint is read', async () => {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const stores = new MemoryStores({ clock }, { shardCount: 1 });
  const { progress } = stores;
  await stores.executions.sealFence(0, epochOf(1), 'a');
  const mark = () => progress.markProgress(0, epochOf(1), { history: null, commits: 0 });
  await mark();
  const read = async (): Promise<KnownProgress> => {
    await mark();
    const { commits } = await progress.readProgress(0);
    return { epoch: 1, commits, history: 'memory', decidedThrough: 0, lostThrough: 0 };
  };
  const guard = new RollbackGuard({
    ...{ store: stores.executions, progress, events: stores.events, clusterClock: stores.clusterClock, clock, metrics },
    ...{ checkpoints: { read, write: () => Promise.resolve(true) }, memory: new Map() },
    ...{ term: new FakeTerm(1), logger: silentLogger, probe: silentProbe },
  });

  await guard.compare();

  expect(await metrics.registry.metrics()).not.toMatch(/^cloudjob_rollbacks_total\{.*\} [1-9]/m);
  expect(await progress.readRollback(0)).toBeNull();
});
