import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignShards } from '../../src/domain/shard-assignment.js';

const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });
const shardCounts = fc.integer({ min: 1, max: 128 });

function loadsOf(names: readonly string[], assignment: readonly string[]): number[] {
  return names.map((name) => assignment.filter((member) => member === name).length);
}

function moves(before: readonly string[], after: readonly string[]): number {
  return before.filter((member, shard) => after[shard] !== member).length;
}

describe('assignShards', () => {
  it('gives every shard to exactly one of the members', () => {
    fc.assert(
      fc.property(members, shardCounts, (names, shardCount) => {
        const assignment = assignShards(names, shardCount);
        expect(assignment).toHaveLength(shardCount);
        for (let shard = 0; shard < shardCount; shard++) expect(names).toContain(assignment[shard]);
      }),
    );
  });

  it('lets the shares of two members differ by one shard at most', () => {
    fc.assert(
      fc.property(members, shardCounts, (names, shardCount) => {
        const loads = loadsOf(names, assignShards(names, shardCount));
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('depends on the set of members only, not on their order or on repetitions', () => {
    const shuffled = members.chain((names) =>
      fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })),
    );
    fc.assert(
      fc.property(shuffled, shardCounts, ([names, other], shardCount) => {
        expect(assignShards([...other, ...names], shardCount)).toEqual(assignShards(names, shardCount));
      }),
    );
  });

  it('moves on average at most half again as many shards as a newcomer must get', () => {
    let moved = 0;
    let needed = 0;
    for (let round = 0; round < 50; round++) {
      for (let size = 1; size <= 5; size++) {
        const names = Array.from({ length: size }, (_, i) => `member-${round}-${i}`);
        moved += moves(assignShards(names, 64), assignShards([...names, `late-${round}`], 64));
        needed += 64 / (size + 1);
      }
    }
    expect(moved / needed).toBeLessThan(1.5);
  });

  it('moves from a balanced assignment only what must move when members come and go', () => {
    const change = fc.tuple(members, members).filter(([before, after]) => before.some((name) => after.includes(name)));
    fc.assert(
      fc.property(change, shardCounts, ([before, after], shardCount) => {
        const previous = assignShards(before, shardCount);
        const next = assignShards(after, shardCount, previous);
        const loads = loadsOf(after, next);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        // Each member that stays keeps as much as the new shares allow; the larger shares go to those with most.
        const held = loadsOf(after, previous).sort((a, b) => b - a);
        const shares = [...loads].sort((a, b) => b - a);
        const kept = held.reduce((sum, load, rank) => sum + Math.min(load, shares[rank] ?? 0), 0);
        expect(moves(previous, next)).toBe(shardCount - kept);
      }),
    );
  });

  it('takes the shards of a member that leaves, and no others', () => {
    fc.assert(
      fc.property(members, fc.nat(), shardCounts, (names, index, shardCount) => {
        fc.pre(names.length > 1);
        const leaving = names[index % names.length];
        const previous = assignShards(names, shardCount);
        const next = assignShards(
          names.filter((name) => name !== leaving),
          shardCount,
          previous,
        );
        expect(previous.filter((member, shard) => member !== leaving && next[shard] !== member)).toEqual([]);
      }),
    );
  });

  it('passes over members and shards of an earlier assignment that do not exist', () => {
    expect(assignShards(['a'], 2, ['gone', 'a', 'a'])).toEqual(['a', 'a']);
  });

  it('never changes its answer for the same members, for members of mixed releases must agree', () => {
    expect(assignShards(['alpha', 'beta', 'gamma'], 8)).toEqual([
      'alpha',
      'gamma',
      'beta',
      'alpha',
      'beta',
      'alpha',
      'beta',
      'gamma',
    ]);
  });

  it('is empty without members', () => {
    expect(assignShards([], 16)).toEqual([]);
  });
});
