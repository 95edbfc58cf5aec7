import { describe, expect, it } from 'vitest';
import type { RoundResult } from './round.js';
import { Tally } from './tally.js';

function round(worstGapMs: number, ...bounds: readonly [string, number][]): RoundResult {
  return {
    faults: bounds.map(([name, boundMs]) => ({ name, from: 0, healedAt: 1, boundMs })),
    violations: [],
    history: {} as RoundResult['history'],
    ...{ fires: 0, required: 0, worstGapMs, backMs: null, fencedWrites: 0, mayLose: false },
  };
}

function rowOf(tally: Tally, name: string): readonly string[] {
  const row =
    tally
      .table()
      .split('\n')
      .find((line) => line.startsWith(`| ${name} `)) ?? '';
  return row
    .split('|')
    .slice(2, 5)
    .map((cell) => cell.trim());
}

describe('Tally', () => {
  it('shows of each fault the gap that came nearest to its bound, beside faults that stop no fire', () => {
    const tally = new Tally();
    tally.add(round(2000, ['kill', 3000]));
    tally.add(round(900, ['kill', 1000], ['worker', 0]));
    tally.add(round(5000, ['kill', 3000], ['cut', 3000]));
    expect(rowOf(tally, 'kill')).toEqual(['3', '900', '1000']);
  });

  it('puts gaps in parentheses when another fault may have caused them', () => {
    const tally = new Tally();
    tally.add(round(5000, ['kill', 3000], ['cut', 3000]));
    expect(rowOf(tally, 'cut')).toEqual(['1', '(5000)', '(6000)']);
  });

  it('names the fault that came least, also one that never came', () => {
    const tally = new Tally();
    tally.add(round(0, ['kill', 3000]));
    tally.add(round(0, ['kill', 3000], ['cut', 3000]));
    expect(tally.leastOf(['kill', 'cut'])).toEqual({ name: 'cut', times: 1 });
    expect(tally.leastOf(['kill', 'cut', 'freeze'])).toEqual({ name: 'freeze', times: 0 });
  });
});
