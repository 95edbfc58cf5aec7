import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placementHash, shardOfJob } from '../../src/domain/shard.js';

describe('placement', () => {
  it('is FNV-1a and never changes, since every stored job depends on it', () => {
    // Reference values of 32-bit FNV-1a.
    expect([placementHash(''), placementHash('a'), placementHash('foobar')]).toEqual([
      0x811c9dc5, 0xe40c292c, 0xbf9cf968,
    ]);
    expect(['shop/nightly', 'shop/hourly', 'demo/reminders'].map((key) => shardOfJob(key, 16))).toEqual([3, 7, 14]);
  });

  it('puts every job into one of the shards', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1024 }), (key, shardCount) => {
        const shard = shardOfJob(key, shardCount);
        expect(Number.isInteger(shard)).toBe(true);
        expect(shard).toBeGreaterThanOrEqual(0);
        expect(shard).toBeLessThan(shardCount);
      }),
    );
  });

  it('spreads many jobs evenly', () => {
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) {
      const shard = shardOfJob(`shop/job-${i}`, 16);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });
});
