import fc, { type AsyncCommand } from 'fast-check';
import { expect, it } from 'vitest';
import { CloudJobError } from '../../src/domain/errors.js';
import type { Stores } from '../../src/store/stores.js';
import type { StoresUnderTest } from './factory.js';
import { anOperation, type Operation } from './model-operations.js';
import { timeless, visibleState, World } from './model-world.js';
import { memoryStores, redisStores } from './implementations.js';

/** One call on both stores; answers and everything visible afterwards must agree. */
class Step implements AsyncCommand<World, World> {
  #label = 'not run';

  constructor(readonly operation: Operation) {}

  check(): boolean {
    return true;
  }

  async run(world: World): Promise<void> {
    const { label, call } = await this.operation(world);
    this.#label = label;
    const expected = await answerOf(call, world.reference.stores);
    expect(await answerOf(call, world.other.stores), label).toEqual(expected);
    await world.passTime();
    const state = await visibleState(world, world.reference.stores);
    expect(await visibleState(world, world.other.stores), `state after ${label}`).toEqual(state);
  }

  toString(): string {
    return this.#label;
  }
}

async function answerOf(call: (stores: Stores) => Promise<unknown>, stores: Stores): Promise<unknown> {
  try {
    return timeless({ answer: await call(stores) });
  } catch (error) {
    if (error instanceof CloudJobError) return { refused: error.code };
    throw error;
  }
}

async function close(...opened: StoresUnderTest[]): Promise<void> {
  await Promise.all(opened.map((stores) => stores.close()));
}

it('Redis answers any sequence of calls as the memory store does', async () => {
  const steps = fc.commands([anOperation.map((operation) => new Step(operation))], { maxCommands: 60, size: '+1' });
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const [reference, other] = [await memoryStores(), await redisStores()];
      try {
        const world = new World(reference, other);
        await fc.asyncModelRun(() => ({ model: world, real: world }), commands);
      } finally {
        await close(reference, other);
      }
    }),
    { numRuns: 40, endOnFailure: false },
  );
}, 120_000);
