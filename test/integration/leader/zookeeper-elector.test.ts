import { afterEach, describe, expect, inject, it } from 'vitest';
import { StoreUnavailableError } from '../../../src/domain/errors.js';
import { assignShards } from '../../../src/domain/shard-assignment.js';
import { type ZooKeeperSession } from '../../../src/leader/zookeeper-session.js';
import type { Logger } from '../../../src/runtime/logger.js';
import { silentLogger } from '../../../src/runtime/logger.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { ManualClock, settle } from '../../support/manual-clock.js';
import { decodeZnode } from '../../../src/leader/ephemeral-claim.js';
import { eventually } from '../../support/wait.js';
import { FakeFitness } from '../../support/fake-fitness.js';
import { ZkProxy } from '../../support/zk-proxy.js';
import { ElectionRig, type RigMember } from './election-rig.js';
import { SessionRig } from './session-rig.js';

const LONG_SESSION = { config: { sessionTimeoutMs: 30_000 } };

const cleanups: (() => Promise<void>)[] = [];

function rig(shardCount?: number): ElectionRig {
  const made = new ElectionRig(inject('zookeeper'), shardCount);
  cleanups.push(() => made.stop());
  return made;
}

/** Another client of the same server: the operator's hands. */
async function byHand(): Promise<ZooKeeperSession['client'] & object> {
  const session = new SessionRig(inject('zookeeper'), 30_000);
  cleanups.push(() => session.session.stop());
  await session.session.start();
  await session.seen('connected');
  return session.client;
}

function recordingLogger(lines: { level: string; event: string; fields: unknown }[]): Logger {
  const write = (level: string) => (event: string, fields?: unknown) => void lines.push({ level, event, fields });
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  };
  return logger;
}

function led(member: RigMember): number[] {
  return [...member.elector.terms().keys()].sort((a, b) => a - b);
}

describe('ZooKeeperElector', () => {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  it('leads every shard when it is alone, each on epoch 1', async () => {
    const election = rig();
    const alone = await election.join('a');
    await alone.leads(4);
    const terms = [...alone.elector.terms().values()].sort((a, b) => a.shard - b.shard);
    expect(terms.map((term) => [term.shard, term.epoch, term.member, term.isTrusted()])).toEqual(
      [0, 1, 2, 3].map((shard) => [shard, 1, 'a', true]),
    );
  });

  it('balances as members come and go, moves only what must move, and never lets two lead one shard', async () => {
    const election = rig(16);
    const a = await election.join('a', LONG_SESSION);
    await election.balanced(a);
    const b = await election.join('b', LONG_SESSION);
    await election.balanced(a, b);
    const c = await election.join('c', LONG_SESSION);
    await election.balanced(a, b, c);
    await b.elector.stop();
    await election.balanced(a, c);

    let assignment: readonly string[] = [];
    let moves = 0;
    for (const names of [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'c']]) {
      const next = assignShards(names, 16, assignment);
      moves += next.filter((member, shard) => assignment[shard] !== member).length;
      assignment = next;
    }
    expect(election.log).toHaveLength(moves);
    expect([led(a), led(c)]).toEqual(
      ['a', 'c'].map((name) => assignment.flatMap((member, shard) => (member === name ? [shard] : []))),
    );
    election.expectSafe();
  });

  it('hands over within a second when it stops, although its session would last for half a minute', async () => {
    const election = rig(8);
    const a = await election.join('a', LONG_SESSION);
    const b = await election.join('b', LONG_SESSION);
    await election.balanced(a, b);
    const stoppedAt = performance.now();
    await a.elector.stop();
    expect(performance.now() - stoppedAt).toBeLessThan(500);
    await b.leads(8);
    expect(performance.now() - stoppedAt).toBeLessThan(1000);
    expect(a.elector.terms().size).toBe(0);
    expect(election.log.filter(({ member }) => member === 'a').map(({ reason }) => reason)).toContain('stopping');
    election.expectSafe();
  });

  it('goes above the fence of the store when that is ahead of ZooKeeper', async () => {
    const election = rig(2);
    election.fences.set(0, 41);
    const a = await election.join('a');
    await a.leads(2);
    expect([a.elector.terms().get(0)?.epoch, a.elector.terms().get(1)?.epoch]).toEqual([42, 1]);
  });

  it('leaves its shards to others while it cannot read the fence, and takes its share when it can', async () => {
    const election = rig(4);
    let isAway = true;
    const readFence = async (shard: number): Promise<number> => {
      if (isAway) throw new Error('no store');
      return election.fences.get(shard) ?? 0;
    };
    const a = await election.join('a', { ...LONG_SESSION, readFence });
    const b = await election.join('b', LONG_SESSION);
    await b.leads(4);
    expect([led(a), b.elector.members().map(({ member }) => member)]).toEqual([[], ['b']]);
    isAway = false;
    await election.balanced(a, b);
    election.expectSafe();
  });

  it('leaves its shards to others at once when the store was silent for as long as a call waits', async () => {
    const election = rig(4);
    let answer: () => void = () => undefined;
    const silence = new Promise<void>((resolve) => (answer = resolve));
    let unanswered = 0;
    const readFence = async (shard: number): Promise<number> => {
      if (unanswered++ < 4) throw new StoreUnavailableError('CJ_REDIS_TIMEOUT', 'no answer');
      await silence;
      return election.fences.get(shard) ?? 0;
    };
    const a = await election.join('a', { ...LONG_SESSION, readFence });
    const b = await election.join('b', LONG_SESSION);
    await b.leads(4);
    answer();
    await election.balanced(a, b);
    election.expectSafe();
  });

  it('keeps the shards that it leads while the store is silent about another', async () => {
    const election = rig(4);
    let hasOthers: () => void = () => undefined;
    const others = new Promise<void>((resolve) => (hasOthers = resolve));
    const readFence = async (shard: number): Promise<number> => {
      if (shard !== 3) return election.fences.get(shard) ?? 0;
      await others;
      throw new StoreUnavailableError('CJ_REDIS_TIMEOUT', 'no answer');
    };
    const a = await election.join('a', { ...LONG_SESSION, readFence });
    await a.leads(3);
    const settled = a.probe.count('election-settled');
    hasOthers();
    await a.probe.reached('election-settled', settled + 4);
    expect([led(a), a.probe.count('candidacy-withdrawn')]).toEqual([[0, 1, 2], 0]);
    election.expectSafe();
  });

  it('leaves its shards to others at once when a holder resigned, and comes back when the store answers', async () => {
    const election = rig(4);
    let answer: () => void = () => undefined;
    let silence = Promise.resolve();
    const readFence = async (shard: number): Promise<number> => {
      await silence;
      return election.fences.get(shard) ?? 0;
    };
    const a = await election.join('a', { ...LONG_SESSION, readFence });
    const b = await election.join('b', LONG_SESSION);
    await election.balanced(a, b);
    silence = new Promise((resolve) => (answer = resolve));
    const [shard = 0] = led(a);
    a.elector.terms().get(shard)?.end('resigned');
    await b.leads(4);
    answer();
    await election.balanced(a, b);
    election.expectSafe();
  });

  it('leaves its shards to others while it may not lead, and takes its share when it may', async () => {
    const election = rig();
    const fitness = new FakeFitness();
    const skewed = await election.join('skewed', { ...LONG_SESSION, fitness });
    const sound = await election.join('sound', LONG_SESSION);
    await election.balanced(skewed, sound);
    fitness.set('clock-skew');
    await election.balanced(sound);
    expect(skewed.elector.terms().size).toBe(0);
    fitness.set(null);
    await election.balanced(skewed, sound);
    election.expectSafe();
  });

  it('starts, and leads nothing, when it may not lead from the beginning', async () => {
    const election = rig();
    const fitness = new FakeFitness();
    fitness.set('clock-skew');
    const skewed = await election.join('skewed', { ...LONG_SESSION, fitness });
    expect(skewed.elector.state).toBe('running');
    expect(skewed.elector.terms().size).toBe(0);
    fitness.set(null);
    await election.balanced(skewed);
  });

  it('ends a term before it deletes the owner znode', async () => {
    const proxy = await ZkProxy.start(Number(inject('zookeeper').split(':')[1]));
    cleanups.push(() => proxy.stop());
    const election = rig(4);
    const a = await election.join('a', { ...LONG_SESSION, servers: proxy.address });
    await a.leads(4);
    const ledAtDeletion: number[] = [];
    proxy.onFrame = ({ kind, direction }) => {
      if (kind === 'delete' && direction === 'up') ledAtDeletion.push(a.elector.terms().size);
      return 'forward';
    };
    const b = await election.join('b', LONG_SESSION);
    await election.balanced(a, b);
    expect(ledAtDeletion).toEqual([2, 2]);
  });

  it('takes a shard again on a greater epoch after its holder was fenced off, but not at once', async () => {
    const election = rig(1);
    const a = await election.join('a');
    await a.leads(1);
    const first = a.elector.terms().get(0);
    first?.end('fenced');
    expect([a.elector.terms().size, first?.isTrusted(), first?.ended.reason]).toEqual([0, false, 'fenced']);
    const endedAt = performance.now();
    await a.leads(1);
    expect(performance.now() - endedAt).toBeGreaterThan(900);
    // An attempt that a slow machine abandons uses up an epoch, so that the next need not be 2.
    const epochs = election.log.map(({ epoch }) => epoch);
    expect(epochs).toHaveLength(2);
    expect(epochs[1]).toBeGreaterThan(epochs[0] ?? Infinity);
    election.expectSafe();
  });

  it('ends a term as lost when its owner znode is deleted by hand, and takes the shard on a new epoch', async () => {
    const election = rig(1);
    const a = await election.join('a', LONG_SESSION);
    await a.leads(1);
    const operator = await byHand();
    await operator.remove(`/cloudjob/${election.cluster}/shards/0/owner`, -1);
    await a.probe.reached('term-started', 2);
    expect(election.log.map(({ epoch, reason }) => [epoch, reason])).toEqual([
      [1, 'lost'],
      [2, undefined],
    ]);
    election.expectSafe();
  });

  it('raises an alarm about an owner znode that nobody alive owns, and leads once it is deleted', async () => {
    const election = rig(1);
    const lines: { level: string; event: string; fields: unknown }[] = [];
    const phantom = await byHand();
    const root = `/cloudjob/${election.cluster}`;
    await election.join('first').then((first) => first.leads(1).then(() => first.elector.stop()));
    const owner = `${root}/shards/0/owner`;
    await phantom.createEphemeral(owner, Buffer.from('{"member":"ghost","incarnation":"gone"}'));
    const a = await election.join('a', { logger: recordingLogger(lines), config: { sessionTimeoutMs: 400 } });
    const alarms = (): unknown[] => lines.filter(({ event }) => event === 'owner-znode-stale');
    await eventually('the alarm', () => alarms().length > 0);
    await a.probe.reached('election-settled', a.probe.count('election-settled') + 2);
    expect(alarms()).toEqual([
      { level: 'error', event: 'owner-znode-stale', fields: { path: owner, holder: 'ghost', isHolderAlive: false } },
    ]);
    expect((await a.metrics.shardsBlocked.get()).values).toEqual([{ labels: {}, value: 1 }]);
    expect(a.elector.terms().size).toBe(0);

    await phantom.remove(owner, -1);
    await a.leads(1);
    await a.probe.reached('election-settled', a.probe.count('election-settled') + 1);
    expect((await a.metrics.shardsBlocked.get()).values).toEqual([{ labels: {}, value: 0 }]);
    election.expectSafe();
  });

  it('refuses to start with another number of shards than the cluster was created with', async () => {
    const election = rig(4);
    await election.join('a');
    const other = election.prepare('b', { config: { shardCount: 8 } });
    await expect(other.elector.start()).rejects.toMatchObject({
      code: 'CJ_CONFIG_INVALID',
      details: { stored: 4, shardCount: 8 },
    });
    expect(other.elector.state).toBe('failed');
  });

  it('shares with members of the same credentials and keeps everybody else out', async () => {
    const election = rig(2);
    const members = ['a', 'b'].map((name) => election.join(name, { config: { auth: 'scheduler:secret' } }));
    await election.balanced(...(await Promise.all(members)));
    const stranger = await byHand();
    const owner = `/cloudjob/${election.cluster}/shards/0/owner`;
    await expect(stranger.remove(owner, -1)).rejects.toMatchObject({ code: 'CJ_ZK_REFUSED' });
    election.expectSafe();
  });

  it.each(['', 'not JSON', '{"members":["ghost"],"shards":[0,0,0,0]}', '{"members":"a","shards":7}'])(
    'comes back to balance when the assignment is overwritten with %j',
    async (text) => {
      const election = rig(4);
      const a = await election.join('a', LONG_SESSION);
      const b = await election.join('b', LONG_SESSION);
      await election.balanced(a, b);
      const operator = await byHand();
      const path = `/cloudjob/${election.cluster}/assignment`;
      await operator.write(path, Buffer.from(text), -1);
      await eventually('the repair', async () => {
        const znode = await operator.read(path);
        const { members } = decodeZnode(znode?.data ?? Buffer.alloc(0)) ?? {};
        return Array.isArray(members) && members.length === 2;
      });
      await election.balanced(a, b);
      election.expectSafe();
    },
  );

  it('waits while another process holds its name', async () => {
    const election = rig(2);
    const first = await election.join('a', LONG_SESSION);
    await first.leads(2);
    const lines: { level: string; event: string; fields: unknown }[] = [];
    const second = election.prepare('a', { ...LONG_SESSION, logger: recordingLogger(lines) });
    const starting = second.elector.start();
    await eventually('the warning', () => lines.some(({ event }) => event === 'member-name-taken'));
    expect(second.elector.state).toBe('starting');
    await first.elector.stop();
    await starting;
    await second.leads(2);
    election.expectSafe();
  });

  it('knows the other schedulers by their facts and warns when their time zone data differ', async () => {
    const election = rig(2);
    const lines: { level: string; event: string; fields: unknown }[] = [];
    const a = await election.join('a', { logger: recordingLogger(lines) });
    await election.join('b', { config: { facts: { host: 'there', tz: '1999z' } } });
    await eventually('both members', () => a.elector.members().length === 2);
    expect(a.elector.members()).toEqual([
      { member: 'a', facts: { host: 'here', tz: process.versions.tz } },
      { member: 'b', facts: { host: 'there', tz: '1999z' } },
    ]);
    expect(lines.filter(({ event }) => event === 'time-zone-data-differ').map(({ fields }) => fields)).toEqual([
      { member: 'b', theirs: '1999z', ours: process.versions.tz },
    ]);
    expect(a.elector.describe()).toMatchObject({ ready: true, details: { connected: true } });
  });

  it('does not start when ZooKeeper cannot be reached for 30 s', async () => {
    const clock = new ManualClock();
    const election = new ElectionRig('127.0.0.1:1');
    const lonely = election.prepare('a', { clock });
    const starting = expect(lonely.elector.start()).rejects.toMatchObject({ code: 'CJ_ZK_DISCONNECTED' });
    await settle();
    await clock.advance(30_000);
    await starting;
    expect(lonely.elector.state).toBe('failed');
    expect(clock.pending).toBe(0);
  });

  it('can be stopped while it waits for ZooKeeper', async () => {
    const election = new ElectionRig('127.0.0.1:1');
    const lonely = election.prepare('a', { clock: systemClock, logger: silentLogger });
    const starting = lonely.elector.start();
    await lonely.elector.stop();
    await starting;
    expect(lonely.elector.state).toBe('stopped');
  });

  it('refuses names that cannot be part of a path', () => {
    const election = rig();
    expect(() => election.prepare('a/b')).toThrow(expect.objectContaining({ code: 'CJ_CONFIG_INVALID' }));
    expect(() => election.prepare('a', { config: { cluster: '..' } })).toThrow(
      expect.objectContaining({ code: 'CJ_CONFIG_INVALID' }),
    );
  });
});
