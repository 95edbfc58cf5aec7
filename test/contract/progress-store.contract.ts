import { describe, expect, it } from 'vitest';
import { epochOf } from '../../src/domain/shard.js';
import { aDecision, aFire, storedTrigger } from '../support/builders.js';
import { open, type StoresFactory } from './factory.js';

const NOTHING = { history: null, commits: 0 };

/** How far leaders have come in a shard. */
export function describeProgressStore(name: string, makeStores: StoresFactory): void {
  describe(`progress of ${name}`, () => {
    it('begins with nothing, and counts marks and calls that fired', async () => {
      const { stores } = await open(makeStores);
      const { progress, executions } = stores;
      const { trigger, shard, job, dueAt } = await storedTrigger(stores);
      expect(await progress.readProgress(shard)).toEqual({ epoch: 0, commits: 0, history: null });
      await executions.sealFence(shard, epochOf(1), 'a');
      const marked = await progress.markProgress(shard, epochOf(1), NOTHING);
      if (marked.outcome !== 'marked') throw new Error(marked.outcome);
      expect(marked).toMatchObject({ commits: 1, history: expect.any(String) as string });
      const { history } = marked;
      const decision = aDecision(trigger, { fires: [aFire(stores, { job, nominalAt: dueAt })] });
      await executions.fire(shard, epochOf(1), [decision]);
      // Stale: nothing is committed.
      await executions.fire(shard, epochOf(1), [decision]);
      expect(await progress.readProgress(shard)).toEqual({ epoch: 1, commits: 2, history });
      const again = await progress.markProgress(shard, epochOf(1), { history, commits: 2 });
      expect(again).toEqual({ outcome: 'marked', commits: 3, history });
    });

    it('is behind, and counts nothing, where less is there than is known', async () => {
      const { stores } = await open(makeStores);
      const { progress, executions } = stores;
      await executions.sealFence(0, epochOf(2), 'a');
      const marked = await progress.markProgress(0, epochOf(2), NOTHING);
      if (marked.outcome !== 'marked') throw new Error(marked.outcome);
      const { history } = marked;
      const found = { epoch: 2, commits: 1, history };
      const behind = { outcome: 'behind', found };
      expect(await progress.markProgress(0, epochOf(2), { history, commits: 2 })).toEqual(behind);
      expect(await progress.markProgress(0, epochOf(2), { history: 'other', commits: 1 })).toEqual(behind);
      expect(await progress.markProgress(0, epochOf(3), { history, commits: 1 })).toEqual(behind);
      expect(await progress.readProgress(0)).toEqual(found);
      await expect(progress.markProgress(0, epochOf(1), { history, commits: 1 })).rejects.toMatchObject({
        code: 'CJ_EPOCH_STALE',
      });
    });

    it('keeps the last rollback that was found', async () => {
      const { stores } = await open(makeStores);
      const { progress } = stores;
      expect(await progress.readRollback(0)).toBeNull();
      const rollback = { kind: 'rolled-back', at: 5, lostCommits: 3, decidedThrough: 4 } as const;
      await progress.recordRollback(0, epochOf(1), { ...rollback, lostCommits: 1 });
      await progress.recordRollback(0, epochOf(1), rollback);
      expect(await progress.readRollback(0)).toEqual(rollback);
      expect(await progress.readRollback(1)).toBeNull();
      await stores.executions.sealFence(0, epochOf(2), 'b');
      await expect(progress.recordRollback(0, epochOf(1), rollback)).rejects.toMatchObject({ code: 'CJ_EPOCH_STALE' });
    });
  });
}
