import { afterEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/domain/errors.js';
import { epochOf } from '../../src/domain/shard.js';
import type { LeadershipTerm } from '../../src/leader/leadership-term.js';
import type { GrantedLease, LeaseGranter } from '../../src/leader/lease-granter.js';
import { RedlockElector } from '../../src/leader/redlock-elector.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { FakeFitness } from '../support/fake-fitness.js';
import { ManualClock } from '../support/manual-clock.js';
import { RecordingProbe } from '../support/wait.js';

const LEASE_MS = 3000;

/** Leases in memory, by the manual clock; answers can be made slow or wrong. */
class FakeLeases implements LeaseGranter {
  readonly held = new Map<string, { until: number; grant: object }>();
  /** Added to every answer, after the lease was granted. */
  answerDelayMs = 0;
  isAway = false;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async acquire(name: string, durationMs: number): Promise<GrantedLease | undefined> {
    this.#check();
    const now = this.#clock.monotonicNow();
    if ((this.held.get(name)?.until ?? 0) > now) return undefined;
    const grant = {};
    this.held.set(name, { until: now + durationMs, grant });
    await this.#answer();
    return {
      extend: async (ms) => {
        this.#check();
        if (this.held.get(name)?.grant !== grant) return false;
        this.held.set(name, { until: this.#clock.monotonicNow() + ms, grant });
        await this.#answer();
        return true;
      },
      release: async () => {
        if (this.held.get(name)?.grant === grant) this.held.delete(name);
      },
    };
  }

  #check(): void {
    if (this.isAway) throw new Error('no majority');
  }

  #answer(): Promise<void> {
    if (this.answerDelayMs === 0) return Promise.resolve();
    return new Promise((resolve) => this.#clock.setTimer(this.answerDelayMs, resolve));
  }
}

const electors: RedlockElector[] = [];

/** `unlisted`: how often the members cannot be had at first. */
function setup({ unlisted = 0 } = {}) {
  const clock = new ManualClock();
  const leases = new FakeLeases(clock);
  const live = new Set<string>();
  const fences = new Map<number, number>();
  const join = (member: string, fitness?: FakeFitness) => {
    live.add(member);
    const announced: LeadershipTerm[] = [];
    const elector = new RedlockElector(
      {
        clock,
        logger: silentLogger,
        metrics: new Metrics(),
        probe: new RecordingProbe(),
        leases,
        raiseEpoch: async (shard) => {
          fences.set(shard, (fences.get(shard) ?? 0) + 1);
          return epochOf(fences.get(shard) ?? 0);
        },
        listMembers: async () => {
          if (unlisted-- > 0) throw new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', 'away');
          return [...live];
        },
        ...(fitness === undefined ? {} : { fitness }),
      },
      { member, shardCount: 4, leaseName: (shard) => `lease-${shard}`, leaseMs: LEASE_MS },
    );
    electors.push(elector);
    elector.onTerm((term) => announced.push(term));
    return { elector, announced };
  };
  return { clock, leases, live, join };
}

describe('RedlockElector', () => {
  afterEach(async () => {
    for (const elector of electors.splice(0)) await elector.stop();
  });

  it('leads every shard when it is alone, and keeps its terms as long as its leases are extended', async () => {
    const { clock, join } = setup();
    const { elector, announced } = join('a');
    await elector.start();
    await clock.advance(10 * LEASE_MS);
    expect(announced.map(({ shard, epoch }) => [shard, epoch])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(announced.every((term) => term.isTrusted())).toBe(true);
  });

  it('starts although the members cannot be had at first, and leads nothing until they are', async () => {
    const { clock, join } = setup({ unlisted: 2 });
    const { elector } = join('a');
    await elector.start();
    expect(elector.terms().size).toBe(0);
    await clock.advance(3000);
    expect(elector.terms().size).toBe(4);
  });

  it('shares with a newcomer, one leader for each shard at any time', async () => {
    const { clock, join } = setup();
    const a = join('a');
    await a.elector.start();
    await clock.advance(10);
    const b = join('b');
    b.elector.onTerm((term) => {
      const before = a.announced.findLast(({ shard }) => shard === term.shard);
      expect([before?.ended.aborted, (before?.epoch ?? 0) < term.epoch]).toEqual([true, true]);
      b.announced.push(term);
    });
    await b.elector.start();
    await clock.advance(3000);
    expect([a.elector.terms().size, b.elector.terms().size]).toEqual([2, 2]);
    expect(a.announced.filter(({ ended }) => ended.aborted).map(({ ended }) => ended.reason as string)).toEqual([
      'resigned',
      'resigned',
    ]);
  });

  it('gives its shards up while it may not lead, to others where there are any, and takes them again', async () => {
    const { clock, live, join } = setup();
    const fitness = new FakeFitness();
    const a = join('a', fitness);
    await a.elector.start();
    await clock.advance(10);
    live.clear();
    fitness.set('clock-skew');
    await clock.advance(10);
    expect(a.elector.terms().size).toBe(0);
    const b = join('b');
    await b.elector.start();
    await clock.advance(3000);
    expect([a.elector.terms().size, b.elector.terms().size]).toEqual([0, 4]);
    live.add('a');
    fitness.set(null);
    await clock.advance(3000);
    expect([a.elector.terms().size, b.elector.terms().size]).toEqual([2, 2]);
  });

  it('trusts a lease for two thirds of its length from when it was asked for, however late the answer is', async () => {
    const { clock, leases, join } = setup();
    leases.answerDelayMs = 900;
    const { elector, announced } = join('a');
    await elector.start();
    await clock.advance(900);
    leases.isAway = true;
    const [term] = announced;
    expect(term?.isTrusted()).toBe(true);
    await clock.advance((LEASE_MS * 2) / 3 - 900 - 1);
    expect(term?.isTrusted()).toBe(true);
    await clock.advance(1);
    expect([term?.isTrusted(), term?.ended.reason]).toEqual([false, 'lost']);
  });

  it('does not begin a term when the grant took longer than the trust window', async () => {
    const { clock, leases, join } = setup();
    leases.answerDelayMs = (LEASE_MS * 2) / 3;
    const { elector, announced } = join('a');
    await elector.start();
    await clock.advance((LEASE_MS * 2) / 3);
    expect(announced).toEqual([]);
  });

  it('ends a term at once when its lease is found to be lost, and leads again on a greater epoch', async () => {
    const { clock, leases, join } = setup();
    const { elector, announced } = join('a');
    await elector.start();
    await clock.advance(1);
    leases.held.delete('lease-2');
    await clock.advance(LEASE_MS / 3);
    const terms = announced.filter(({ shard }) => shard === 2);
    expect(terms.map(({ epoch, ended }) => [epoch, ended.aborted ? (ended.reason as string) : null])).toEqual([
      [1, 'lost'],
      [2, null],
    ]);
  });

  it('leads a shard again after its holder was fenced off', async () => {
    const { clock, join } = setup();
    const { elector, announced } = join('a');
    await elector.start();
    await clock.advance(1);
    announced[0]?.end('fenced');
    expect(elector.terms().has(0)).toBe(false);
    await clock.advance(LEASE_MS / 3);
    expect(elector.terms().get(0)?.epoch).toBe(2);
  });

  it('gives its leases back when it stops, so that others need not wait for their end', async () => {
    const { clock, leases, join } = setup();
    const { elector, announced } = join('a');
    await elector.start();
    await clock.advance(1);
    expect(leases.held.size).toBe(4);
    await elector.stop();
    expect(leases.held.size).toBe(0);
    expect(announced.map(({ ended }) => ended.reason as string)).toEqual(Array(4).fill('stopping'));
    expect(clock.pending).toBe(0);
  });
});
