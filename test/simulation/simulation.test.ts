import { expect, it, vi } from 'vitest';
import { replayOf, runCampaign } from './campaign.js';
import { runScenario } from './scenario.js';

// Work, not waiting: it takes what a busy machine makes of it.
vi.setConfig({ testTimeout: 300_000 });

/** Of bugs that were found on the way, with what they were. Each failed before it was mended. */
const FOUND: readonly (readonly [seed: number, hours: number, bug: string])[] = [
  [904, 1, 'a sample of the clock that took seconds let fires be judged by an instant that had not come'],
  [800_240, 4, 'a step of a backfill was written by a leader that had read its job while it lost its trust'],
  [901_931, 4, 'late fires decided by a clock that was then set back were sent again and again, always too early'],
  [100_043, 4, 'fires that the memory store did not count looked like lost ones to the next leader'],
];

function expectNone(failed: Awaited<ReturnType<typeof runCampaign>>['failed']): void {
  const texts = failed.map((result) => `${result.failure?.message}\n${replayOf(result)}`);
  expect(texts).toEqual([]);
}

it('keeps what is promised under the faults of fixed seeds', async () => {
  const { failed, counts, faults } = await runCampaign({ seed: 1, hours: 3, hoursEach: 1 });
  expectNone(failed);
  // Not for want of trying.
  expect(counts.fires).toBeGreaterThan(1000);
  expect(counts.fenced).toBeGreaterThan(0);
  expect(counts.terms).toBeGreaterThan(10);
  expect(faults.size).toBeGreaterThan(10);
});

it('keeps what is promised under the faults of a seed that nobody has tried yet', async () => {
  const seed = Date.now() % 1_000_000_000;
  console.log(`simulation seed ${seed}`);
  const { failed } = await runCampaign({ seed, hours: 1, hoursEach: 1 });
  expectNone(failed);
});

it.each(FOUND)('has not gone back to a bug that seed %i has found', async (seed, hours) => {
  const { failed } = await runCampaign({ seed, hours, hoursEach: hours });
  expectNone(failed);
});

it('does the same again with the same seed, and something else with another', async () => {
  const options = { hours: 0.2, seed: 7 };
  const first = await runScenario(options);
  const second = await runScenario(options);
  const other = await runScenario({ ...options, seed: 8 });
  expect(second.digest).toBe(first.digest);
  expect(second.counts).toEqual(first.counts);
  expect(other.digest).not.toBe(first.digest);
});

it('fires everything on time and fences nobody when nothing breaks', async () => {
  const { failure, counts } = await runScenario({ seed: 3, hours: 0.5, faults: false });
  expect(failure).toBeNull();
  expect(counts).toMatchObject({ missed: 0, fenced: 0, rescued: 0 });
});
