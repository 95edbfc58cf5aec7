import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScoredSet } from '../../../src/store/memory/scored-set.js';

interface Step {
  readonly member: string;
  /** Null deletes the member. */
  readonly score: number | null;
}

const aMember = fc.stringMatching(/^[a-d]{1,3}$/);
const aStep: fc.Arbitrary<Step> = fc.record({
  member: aMember,
  score: fc.option(fc.integer({ min: -3, max: 3 }), { freq: 4 }),
});

function sorted(scores: ReadonlyMap<string, number>): { score: number; member: string }[] {
  return [...scores]
    .map(([member, score]) => ({ score, member }))
    .sort((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1));
}

function applied(steps: readonly Step[]): { set: ScoredSet<string>; scores: Map<string, number> } {
  const set = new ScoredSet<string>();
  const scores = new Map<string, number>();
  for (const { member, score } of steps) {
    if (score === null) expect(set.delete(member)).toBe(scores.delete(member));
    else {
      set.set(member, score);
      scores.set(member, score);
    }
  }
  return { set, scores };
}

describe('ScoredSet', () => {
  it('holds each member once, ordered by score and then by name', () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 120 }), (steps) => {
        const { set, scores } = applied(steps);
        expect(set.first(Infinity)).toEqual(sorted(scores));
        expect(set.size).toBe(scores.size);
        expect(set.firstScore()).toBe(sorted(scores)[0]?.score ?? null);
        for (const { member } of steps) expect(set.score(member)).toBe(scores.get(member));
      }),
    );
  });

  it('reads up to a score, inclusive, and up to a limit', () => {
    const query = fc.record({ limit: fc.nat(20), upTo: fc.integer({ min: -4, max: 4 }) });
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 80 }), query, (steps, { limit, upTo }) => {
        const { set, scores } = applied(steps);
        const expected = sorted(scores).filter((entry) => entry.score <= upTo);
        expect(set.first(limit, upTo)).toEqual(expected.slice(0, limit));
      }),
    );
  });

  it('reads on behind an entry, whether that is still there or not', () => {
    const entry = fc.record({ score: fc.integer({ min: -4, max: 4 }), member: aMember });
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 80 }), entry, fc.nat(20), (steps, after, limit) => {
        const { set, scores } = applied(steps);
        const behind = sorted(scores).filter(
          (other) => other.score > after.score || (other.score === after.score && other.member > after.member),
        );
        expect(set.after(after, limit)).toEqual(behind.slice(0, limit));
      }),
    );
  });

  it('stays in order over many chunks, filled and emptied in any order', () => {
    const members = Array.from({ length: 5000 }, (_, i) => ({ member: `m${(i * 7919) % 5000}`, score: (i * 31) % 97 }));
    const { set, scores } = applied(members);
    expect(set.first(Infinity)).toEqual(sorted(scores));
    for (const { member } of members.slice(0, 4900)) {
      set.delete(member);
      scores.delete(member);
    }
    expect(set.first(Infinity)).toEqual(sorted(scores));
    for (const { member } of members) set.delete(member);
    expect([set.size, set.firstScore(), set.first(10)]).toEqual([0, null, []]);
  });
});
