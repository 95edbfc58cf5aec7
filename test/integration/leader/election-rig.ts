import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Fitness } from '../../../src/leader/leader-elector.js';
import type { LeadershipTerm, TermEndReason } from '../../../src/leader/leadership-term.js';
import { ZooKeeperElector, type ZooKeeperElectorConfig } from '../../../src/leader/zookeeper-elector.js';
import type { Clock } from '../../../src/runtime/clock.js';
import { silentLogger, type Logger } from '../../../src/runtime/logger.js';
import { Metrics } from '../../../src/runtime/metrics.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { eventually, RecordingProbe } from '../../support/wait.js';

/** One leadership as seen from outside: when it began and when it was over, in monotonic time of this process. */
export interface TermRecord {
  readonly member: string;
  readonly shard: number;
  readonly epoch: number;
  readonly startedAt: number;
  /** Undefined while it lasts. */
  endedAt: number | undefined;
  reason: TermEndReason | undefined;
}

export interface JoinOptions {
  readonly servers?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly fitness?: Fitness;
  readonly readFence?: (shard: number) => Promise<number>;
  readonly config?: Partial<ZooKeeperElectorConfig>;
}

/** Several electors of one cluster in this process, each with its own session, and the log of all their terms. */
export class ElectionRig {
  readonly cluster = `election-${randomUUID()}`;
  readonly log: TermRecord[] = [];
  /** Terms that were trusted by their holder when a later one of the same shard began. */
  readonly trustedTwice: LeadershipTerm[] = [];
  /** What the store would have seen, by shard. */
  readonly fences = new Map<number, number>();
  readonly #servers: string;
  readonly #shardCount: number;
  readonly #members: RigMember[] = [];
  readonly #latest = new Map<number, LeadershipTerm>();

  constructor(servers: string, shardCount = 4) {
    this.#servers = servers;
    this.#shardCount = shardCount;
  }

  /** A member that is not started. */
  prepare(member: string, options: JoinOptions = {}): RigMember {
    const { servers = this.#servers, logger = silentLogger, clock = systemClock, config = {} } = options;
    const probe = new RecordingProbe();
    const metrics = new Metrics();
    const readFence = options.readFence ?? (async (shard) => this.fences.get(shard) ?? 0);
    const elector = new ZooKeeperElector(
      {
        clock,
        logger,
        metrics,
        probe,
        readFence,
        ...(options.fitness === undefined ? {} : { fitness: options.fitness }),
      },
      {
        servers,
        cluster: this.cluster,
        member,
        shardCount: this.#shardCount,
        sessionTimeoutMs: 1000,
        facts: { host: 'here' },
        ...config,
      },
    );
    elector.onTerm((term) => this.#record(term));
    const made = new RigMember(elector, probe, metrics);
    this.#members.push(made);
    return made;
  }

  async join(member: string, options: JoinOptions = {}): Promise<RigMember> {
    const made = this.prepare(member, options);
    await made.elector.start();
    return made;
  }

  /** Every shard is led by exactly one member, and each member has its share. */
  async balanced(...members: readonly RigMember[]): Promise<void> {
    const share = Math.floor(this.#shardCount / members.length);
    await eventually(`balance between ${members.length} members`, () => {
      const loads = members.map((member) => member.elector.terms().size);
      const total = loads.reduce((sum, load) => sum + load, 0);
      return total === this.#shardCount && loads.every((load) => load === share || load === share + 1);
    });
  }

  /** Asserts what no fault may break: one leader at a time, by its own trust too, and ever growing epochs. */
  expectSafe(): void {
    expect({
      overlaps: this.overlaps(),
      trustedTwice: this.trustedTwice,
      regressions: this.epochRegressions(),
    }).toEqual({
      overlaps: [],
      trustedTwice: [],
      regressions: [],
    });
  }

  termsOf(shard: number): readonly TermRecord[] {
    return this.log.filter((record) => record.shard === shard).sort((a, b) => a.startedAt - b.startedAt);
  }

  /** Pairs of terms of one shard of which the later began before the earlier was over. */
  overlaps(): readonly (readonly [TermRecord, TermRecord])[] {
    return this.#pairs(([before, after]) => before.endedAt === undefined || before.endedAt > after.startedAt);
  }

  /** Pairs of terms of one shard of which the later has no greater epoch. */
  epochRegressions(): readonly (readonly [TermRecord, TermRecord])[] {
    return this.#pairs(([before, after]) => before.epoch >= after.epoch);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.elector.stop()));
  }

  #pairs(
    isWrong: (pair: readonly [TermRecord, TermRecord]) => boolean,
  ): readonly (readonly [TermRecord, TermRecord])[] {
    return Array.from({ length: this.#shardCount }, (_, shard) => {
      const terms = this.termsOf(shard);
      return terms.slice(1).map((after, index) => [terms[index] as TermRecord, after] as const);
    })
      .flat()
      .filter(isWrong);
  }

  #record(term: LeadershipTerm): void {
    const { member, shard, epoch } = term;
    const startedAt = performance.now();
    const before = this.#latest.get(shard);
    if (before?.isTrusted() === true) this.trustedTwice.push(before);
    this.#latest.set(shard, term);
    const record: TermRecord = { member, shard, epoch, startedAt, endedAt: undefined, reason: undefined };
    this.log.push(record);
    this.fences.set(shard, Math.max(this.fences.get(shard) ?? 0, epoch));
    term.ended.addEventListener('abort', () => {
      record.endedAt = performance.now();
      record.reason = term.ended.reason as TermEndReason;
    });
  }
}

export class RigMember {
  readonly elector: ZooKeeperElector;
  readonly probe: RecordingProbe;
  readonly metrics: Metrics;

  constructor(elector: ZooKeeperElector, probe: RecordingProbe, metrics: Metrics) {
    this.elector = elector;
    this.probe = probe;
    this.metrics = metrics;
  }

  async leads(count: number, timeoutMs = 10_000): Promise<void> {
    await eventually(`leading ${count} shards`, () => this.elector.terms().size === count, { timeoutMs, everyMs: 5 });
  }
}
