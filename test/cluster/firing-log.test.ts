import { describe, expect, it } from 'vitest';
import { checkFirings } from './firing-log.js';
import type { Execution } from '../../src/domain/execution.js';

const record = (trigger: string, nominalAt: number, firedAt = nominalAt + 1): Execution =>
  ({ trigger, nominalAt, dueAt: nominalAt, firedAt }) as Execution;

const expectation = {
  everyMs: 1000,
  from: 10_000,
  until: 13_000,
  phases: new Map([
    ['a', 0],
    ['b', 500],
  ]),
};
const complete = [
  ...[11_000, 12_000, 13_000].map((at) => record('a', at)),
  ...[10_500, 11_500, 12_500].map((at) => record('b', at)),
];

describe('checkFirings', () => {
  it('accepts a complete log and measures the longest gap', () => {
    const late = complete.map((entry) => (entry.nominalAt === 13_000 ? record('a', 13_000, 14_000) : entry));
    expect(checkFirings(late, expectation)).toEqual({
      expected: 6,
      missing: [],
      doubled: [],
      unexpected: [],
      early: [],
      worstGapMs: 1499,
    });
  });

  it('finds a removed firing', () => {
    expect(checkFirings(complete.slice(1), expectation).missing).toEqual(['a@11000']);
  });

  it('finds a doubled firing', () => {
    expect(checkFirings([...complete, record('b', 11_500)], expectation).doubled).toEqual(['b@11500']);
  });

  it('finds a firing that no schedule has', () => {
    expect(checkFirings([...complete, record('a', 11_001)], expectation).unexpected).toEqual(['a@11001']);
  });

  it('finds an early firing', () => {
    expect(checkFirings([...complete.slice(1), record('a', 11_000, 10_999)], expectation).early).toEqual(['a@11000']);
  });
});
