import { afterEach, describe, expect, it } from 'vitest';
import { epochOf, type Epoch } from '../../src/domain/shard.js';
import type { LeadershipTerm } from '../../src/leader/leadership-term.js';
import { StaticElector } from '../../src/leader/static-elector.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingProbe } from '../support/wait.js';

const electors: StaticElector[] = [];

function setup({ raiseEpoch }: { raiseEpoch?: (shard: number) => Promise<Epoch> } = {}) {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const fences = new Map<number, number>();
  const raise = async (shard: number): Promise<Epoch> => {
    fences.set(shard, (fences.get(shard) ?? 6) + 1);
    return epochOf(fences.get(shard) ?? 0);
  };
  const elector = new StaticElector(
    { clock, logger: silentLogger, metrics, probe: new RecordingProbe(), raiseEpoch: raiseEpoch ?? raise },
    { member: 'only', shardCount: 3 },
  );
  electors.push(elector);
  const announced: LeadershipTerm[] = [];
  elector.onTerm((term) => announced.push(term));
  return { clock, metrics, elector, announced };
}

describe('StaticElector', () => {
  afterEach(async () => {
    for (const elector of electors.splice(0)) await elector.stop();
  });

  it('leads every shard once it has started, on the epochs it was given', async () => {
    const { elector, announced } = setup();
    await elector.start();
    expect(announced.map(({ shard, epoch, member }) => ({ shard, epoch, member }))).toEqual([
      { shard: 0, epoch: 7, member: 'only' },
      { shard: 1, epoch: 7, member: 'only' },
      { shard: 2, epoch: 7, member: 'only' },
    ]);
    expect(announced.every((term) => term.isTrusted() && elector.terms().get(term.shard) === term)).toBe(true);
  });

  it('leads a shard again on a greater epoch after its holder gave it up', async () => {
    const { clock, elector, announced } = setup();
    await elector.start();
    announced[1]?.end('fenced');
    expect([announced[1]?.isTrusted(), announced[1]?.ended.reason, elector.terms().has(1)]).toEqual([
      false,
      'fenced',
      false,
    ]);
    await clock.advance(1000);
    expect(announced[3]).toMatchObject({ shard: 1, epoch: 8 });
  });

  it('ends all terms when it stops, and starts no more', async () => {
    const { clock, metrics, elector, announced } = setup();
    await elector.start();
    await elector.stop();
    expect(announced.map((term) => term.ended.reason as string)).toEqual(['stopping', 'stopping', 'stopping']);
    expect(elector.terms().size).toBe(0);
    await clock.advance(5000);
    expect(announced).toHaveLength(3);
    expect(clock.pending).toBe(0);
    expect((await metrics.leading.get()).values).toEqual([{ labels: {}, value: 0 }]);
  });

  it('does not start when no epoch can be had', async () => {
    const { elector } = setup({ raiseEpoch: () => Promise.reject(new Error('no store')) });
    await expect(elector.start()).rejects.toThrow('no store');
    expect(elector.state).toBe('failed');
  });

  it('gives a term up whose listener throws', async () => {
    const { elector } = setup();
    elector.onTerm(() => {
      throw new Error('bug');
    });
    await elector.start();
    expect(elector.terms().size).toBe(0);
  });
});
