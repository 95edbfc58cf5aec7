import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CloudJobError } from '../../src/domain/errors.js';
import type { TriggerKey } from '../../src/domain/trigger.js';
import type { Repair } from '../../src/store/reconcile-store.js';
import type { Stores } from '../../src/store/stores.js';
import { memoryStores, redisStores } from './implementations.js';
import { anOperation } from './model-operations.js';
import { World } from './model-world.js';

async function ignoringRefusals(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(error instanceof CloudJobError)) throw error;
  });
}

/** No leader reads a finished trigger, so none fires it. */
async function isImpossible(label: string, { jobs }: Stores): Promise<boolean> {
  const [what, key] = label.split(' ');
  if (what !== 'fire') return false;
  const trigger = await jobs.getTrigger(key as TriggerKey);
  return trigger !== null && trigger.dueAt === undefined;
}

/** Goes through the shard again and again while others work on it. */
async function reconcileUntil({ reconciling }: Stores, shard: number, isOver: () => boolean): Promise<Repair[]> {
  const found: Repair[] = [];
  for (let cursor: string | null = null, isLast = false; ;) {
    const page = await reconciling.reconcile(shard, { cursor, epoch: null });
    found.push(...page.repairs);
    cursor = page.nextCursor;
    if (cursor === null && isLast) return found;
    isLast ||= cursor === null && isOver();
  }
}

it('no sequence of calls leaves anything to repair, and none looks broken while it is under way', async () => {
  const sequences = fc.array(anOperation, { maxLength: 60, size: '+1' });
  await fc.assert(
    fc.asyncProperty(sequences, async (operations) => {
      const [reference, other] = [await memoryStores(), await redisStores()];
      try {
        const world = new World(reference, other);
        let isOver = false;
        const reconciled = reconcileUntil(other.stores, world.shard, () => isOver);
        for (const operation of operations) {
          const { label, call } = await operation(world);
          if (await isImpossible(label, reference.stores)) continue;
          await ignoringRefusals(call(reference.stores));
          await ignoringRefusals(call(other.stores));
        }
        isOver = true;
        expect(await reconciled).toEqual([]);
      } finally {
        await Promise.all([reference.close(), other.close()]);
      }
    }),
    { numRuns: 40, endOnFailure: false },
  );
}, 120_000);
