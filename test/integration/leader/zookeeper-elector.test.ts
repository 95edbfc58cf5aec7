import { afterEach, describe, expect, inject, it } from 'vitest';
import { ElectionRig } from './election-rig.js';

describe('ZooKeeperElector', () => {
  const rigs: ElectionRig[] = [];
  const rig = (shardCount?: number): ElectionRig => {
    const made = new ElectionRig(inject('zookeeper'), shardCount);
    rigs.push(made);
    return made;
  };

  afterEach(async () => {
    await Promise.all(rigs.splice(0).map((each) => each.stop()));
  });

  it('leads every shard when it is alone, each on epoch 1', async () => {
    const election = rig();
    const alone = await election.join('a');
    await alone.leads(4);
    expect(
      [...alone.elector.terms().values()].map((term) => [term.shard, term.epoch, term.member, term.isTrusted()]),
    ).toEqual(expect.arrayContaining([0, 1, 2, 3].map((shard) => [shard, 1, 'a', true])));
  });
});
