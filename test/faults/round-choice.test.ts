import { describe, expect, it } from 'vitest';
import { ALL_FAULTS } from './all-faults.js';
import type { SiteKind } from './fault-site.js';
import { Random } from './random.js';
import { namedRound, RoundChooser, stopsFiring } from './round-choice.js';
import { ROUNDS_OF_A_SITE } from './suite.js';

/** Rounds as the suite plays them: a site stands for so many of them, unless another one is needed before. */
function choose(seed: number, rounds: number) {
  const chooser = new RoundChooser(ALL_FAULTS);
  const random = new Random(seed);
  let standing: SiteKind | null = null;
  let played = 0;
  return Array.from({ length: rounds }, () => {
    if (played === ROUNDS_OF_A_SITE) standing = null;
    const choice = chooser.next(random, standing);
    played = choice.kind === standing ? played + 1 : 1;
    standing = choice.kind;
    return choice;
  });
}

describe('RoundChooser', () => {
  it('chooses the same rounds from the same seed, and others from another', () => {
    const names = (seed: number): string[] => choose(seed, 20).map(({ faults }) => faults.map((f) => f.name).join('+'));
    expect(names(7)).toEqual(names(7));
    expect(names(7)).not.toEqual(names(8));
  });

  it('gives every fault its turn before any comes far more often', () => {
    const rounds = choose(3, 130);
    const counts = ALL_FAULTS.map(({ name }) => rounds.flatMap(({ faults }) => faults).filter((f) => f.name === name));
    expect(Math.min(...counts.map(({ length }) => length))).toBeGreaterThanOrEqual(5);
  });

  it('stays on the site that stands as long as one of the rarest is possible there', () => {
    const kinds = choose(11, 130).map(({ kind }) => kind);
    const moves = kinds.filter((kind, i) => i > 0 && kind !== kinds[i - 1]).length;
    expect(new Set(kinds).size).toBe(3);
    expect(moves).toBeLessThan(25);
  });

  it('lets each fault that stops firing come once without another before it joins two', () => {
    const firing = choose(9, 140).map(({ faults }) => faults.filter(stopsFiring).map(({ name }) => name));
    const firstPair = firing.findIndex((names) => names.length > 1);
    const alone = new Set(firing.slice(0, firstPair).flat());
    expect([...alone].sort()).toEqual(
      ALL_FAULTS.filter(stopsFiring)
        .map(({ name }) => name)
        .sort(),
    );
    expect(firing.slice(firstPair).every((names) => names.length === 2)).toBe(true);
  });

  it('joins only faults of different parts that have the site in common', () => {
    for (const { kind, faults } of choose(5, 300)) {
      expect(faults.every((fault) => fault.sites.includes(kind))).toBe(true);
      expect(new Set(faults.map((fault) => fault.part)).size).toBe(faults.length);
    }
  });
});

describe('namedRound', () => {
  const kinds = ['single', 'sentinel', 'cluster'] as const;

  it('finds faults by their names, on the site that they have in common', () => {
    const { kind, faults } = namedRound('scheduler-kill+cluster-master-kill', ALL_FAULTS, kinds);
    expect([kind, ...faults.map((fault) => fault.name)]).toEqual(['cluster', 'scheduler-kill', 'cluster-master-kill']);
  });

  it('refuses a name that does not exist and faults without a common site', () => {
    expect(() => namedRound('flood', ALL_FAULTS, kinds)).toThrow('no fault is called flood');
    expect(() => namedRound('redis-kill+cluster-master-kill', ALL_FAULTS, kinds)).toThrow('no site in common');
  });

  it('knows no two faults by the same name', () => {
    expect(new Set(ALL_FAULTS.map((fault) => fault.name)).size).toBe(ALL_FAULTS.length);
  });
});
