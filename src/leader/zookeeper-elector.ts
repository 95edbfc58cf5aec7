import { randomUUID } from 'node:crypto';
import { ConfigError, CoordinationError, StoreUnavailableError } from '../domain/errors.js';
import type { JsonObject } from '../domain/json.js';
import type { MemberId, ShardId } from '../domain/shard.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import type { Fitness, LeaderElector } from './leader-elector.js';
import type { LeadershipTerm, TermEndReason } from './leadership-term.js';
import { Membership, type SchedulerMember } from './membership.js';
import type { ShardCheckpoints } from './shard-checkpoints.js';
import { ShardOwnership } from './shard-ownership.js';
import { SharedAssignment } from './shared-assignment.js';
import { TermRegister } from './term-register.js';
import { assertZnodeName, ZnodePaths } from './znode-paths.js';
import { ZooKeeperCheckpoints } from './zookeeper-checkpoints.js';
import type { ZooKeeperClient } from './zookeeper-client.js';
import { prepareCluster } from './zookeeper-cluster.js';
import { ZooKeeperSession, type NewZooKeeperClient } from './zookeeper-session.js';

export interface ZooKeeperElectorDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
  /** @default always fit */
  readonly fitness?: Fitness;
  /** Epoch of the last leadership of the shard that the store has seen; 0 = none. */
  readonly readFence: (shard: ShardId) => Promise<number>;
  readonly newClient?: NewZooKeeperClient;
}

export interface ZooKeeperElectorConfig {
  /** `host:port,host:port`. */
  readonly servers: string;
  readonly cluster: string;
  /** Unique among live members; two processes of one name wait for each other. */
  readonly member: MemberId;
  /** Fixed when the cluster is created; a member with another number is refused. */
  readonly shardCount: number;
  /** Asked for; ZooKeeper grants 2 to 20 of its ticks by default. Longer: fewer false alarms, slower failover. */
  readonly sessionTimeoutMs: number;
  /** Slow-changing facts for people, shown by `members`. */
  readonly facts: JsonObject;
  /** `user:password` of ZooKeeper's digest scheme, the same for all members: others cannot touch the znodes then. */
  readonly auth?: string | undefined;
}

/** How long `start` waits for an ensemble that does not answer. */
const JOIN_TIMEOUT_MS = 30_000;
/** After a holder gave a term up, before this member tries the shard again. */
const RETAKE_DELAY_MS = 1000;
/** After a pass in which some shards could not be settled; doubled for each further one. */
const RETRY_MS = 100;
const MAX_RETRY_MS = 2000;
/** How often a member that has withdrawn finds out whether it may come back. */
const WITHDRAWN_RETRY_MS = 250;

/**
 * Elects through ZooKeeper. The members agree on an assignment of the shards; each holds the owner znodes of its
 * own and gives up the others. The owner znode makes a shard exclusive, the epoch makes it safe. `docs/znodes.md` has the paths, the state diagram and the failure cases.
 *
 * One pass settles everything, is repeated on every change that ZooKeeper reports, and at least once per
 * session timeout. It works on one connection: when that ends, every call left of the pass fails and the
 * next connection brings a new pass. Terms end outside of passes, at once, when the session says so.
 */
export class ZooKeeperElector extends Service implements LeaderElector {
  readonly name = 'zookeeper-elector';
  readonly checkpoints: ShardCheckpoints;
  readonly #deps: ZooKeeperElectorDeps;
  readonly #config: ZooKeeperElectorConfig;
  readonly #paths: ZnodePaths;
  readonly #membership: Membership;
  readonly #assignment: SharedAssignment;
  readonly #session: ZooKeeperSession;
  readonly #shards: readonly ShardOwnership[];
  readonly #terms: TermRegister;
  readonly #loop: PeriodicLoop;
  /** Monotonic instant before which a shard is left alone. */
  readonly #retakeAt = new Map<ShardId, number>();
  #prepared: ZooKeeperClient | undefined;
  #failures = 0;
  /** Something speaks against this member's reaching the store. */
  #isDoubtful = false;
  /** The store was silent for as long as a holder, or a call, waits for it. */
  #isCutOff = false;
  #isWithdrawn = false;
  #joined: () => void = () => undefined;
  #refused: (error: Error) => void = () => undefined;

  /** Errors: `ConfigError` for names and addresses that cannot be used. */
  constructor(deps: ZooKeeperElectorDeps, config: ZooKeeperElectorConfig) {
    super();
    assertZnodeName('member', config.member);
    const { clock, probe, metrics } = deps;
    const readFence = (shard: ShardId): Promise<number> => this.#readFence(shard);
    const logger = deps.logger.child({ cluster: config.cluster, member: config.member });
    const claimant = { member: config.member, incarnation: randomUUID() };
    this.#deps = { ...deps, logger };
    this.#config = config;
    this.#paths = new ZnodePaths(config.cluster);
    const facts = { tz: process.versions.tz ?? 'unknown', ...config.facts };
    this.checkpoints = new ZooKeeperCheckpoints({ client: () => this.#session.client }, { paths: this.#paths });
    this.#membership = new Membership({ logger }, { paths: this.#paths, claimant, facts });
    this.#assignment = new SharedAssignment({ paths: this.#paths, shardCount: config.shardCount });
    this.#shards = Array.from(
      { length: config.shardCount },
      (_, shard) => new ShardOwnership({ clock, logger, readFence }, { shard, paths: this.#paths, claimant }),
    );
    this.#terms = new TermRegister(
      { logger, metrics, probe, onHolderEnd: (term, reason) => this.#givenUp(term.shard, reason) },
      { member: config.member },
    );
    this.#session = new ZooKeeperSession(
      {
        clock,
        logger,
        probe,
        newClient: deps.newClient,
        listener: {
          connected: () => this.#loop.wake(),
          disconnected: () => this.#terms.endAll('disconnected'),
          expired: () => this.#forgetSession(),
          changed: () => this.#loop.wake(),
        },
      },
      {
        servers: config.servers,
        sessionTimeoutMs: config.sessionTimeoutMs,
        heartbeatPath: this.#paths.heartbeat,
        auth: config.auth,
      },
    );
    this.#loop = new PeriodicLoop(
      { clock, logger, runOnce: () => this.#pass() },
      { name: 'election', intervalMs: config.sessionTimeoutMs, errorDelayMs: RETRY_MS },
    );
  }

  onTerm(listener: (term: LeadershipTerm) => void): void {
    this.#terms.onTerm(listener);
  }

  terms(): ReadonlyMap<ShardId, LeadershipTerm> {
    return this.#terms.current;
  }

  /** Live schedulers as last seen, this one included; kept while ZooKeeper is away. */
  members(): readonly SchedulerMember[] {
    return this.#membership.members;
  }

  /**
   * Resolves when this member is registered among the schedulers. Errors: `ConfigError` for another shard count
   * than the cluster's, `CJ_ZK_DISCONNECTED` when that takes longer than 30 s.
   */
  protected async onStart(): Promise<void> {
    const { clock } = this.#deps;
    const joining = new Promise<void>((resolve, reject) => {
      this.#joined = resolve;
      this.#refused = reject;
    });
    const cancel = clock.setTimer(JOIN_TIMEOUT_MS, () =>
      this.#refused(new CoordinationError('CJ_ZK_DISCONNECTED', `not registered after ${JOIN_TIMEOUT_MS} ms`)),
    );
    this.stopSignal.addEventListener('abort', () => this.#joined(), { once: true });
    this.#deps.fitness?.onChanged(() => this.#loop.wake());
    await this.#session.start();
    await this.#loop.start();
    await joining.finally(cancel);
  }

  /** Terms end, then closing the session deletes this member's znodes in one step: others take over at once. */
  protected async onStop(): Promise<void> {
    this.#terms.close();
    await this.#session.stop();
    await this.#loop.stop();
    this.#deps.metrics.shardsBlocked.set(0);
  }

  protected override details(): Readonly<Record<string, unknown>> {
    return {
      connected: this.#session.client !== undefined,
      session: this.#session.sessionId?.toString(16),
      members: this.members(),
      leading: [...this.#terms.current.values()].map(({ shard, epoch }) => ({ shard, epoch })),
    };
  }

  /** One round of the election; returns when to look again at the latest. */
  async #pass(): Promise<number | void> {
    const client = this.#session.client;
    if (client === undefined) return;
    try {
      return await this.#settle(client);
    } catch (error) {
      if (error instanceof ConfigError) this.#refused(error);
      // The end of the connection has been dealt with where it was noticed.
      if (client.isOpen) throw error;
    }
  }

  async #settle(client: ZooKeeperClient): Promise<number | void> {
    // A write, also one that is refused: what is read behind it is not older than what was done before this connection.
    if (this.#prepared !== client) await prepareCluster(client, this.#paths, this.#config.shardCount);
    this.#prepared = client;
    if (this.#isRefused() || !(await this.#isFit())) return await this.#withdraw(client);
    this.#isWithdrawn = false;
    if (!(await this.#membership.join(client))) return;
    const { members, assignment } = await this.#assignment.settle(client, () => this.#membership.list(client));
    this.#joined();
    const settled = await Promise.allSettled(
      this.#shards.map(async (shard) => {
        if (assignment[shard.shard] === this.#config.member) await this.#take(client, shard);
        else await this.#giveUp(client, shard);
      }),
    );
    this.#reportBlocked(members);
    this.#deps.probe.signal('election-settled', { members, leading: [...this.#terms.current.keys()] });
    return this.#whenToLookAgain(client, settled);
  }

  async #take(client: ZooKeeperClient, shard: ShardOwnership): Promise<void> {
    if (this.#isLeftAlone(shard.shard)) return await shard.release(client);
    const claim = await shard.claim(client);
    // A znode that is new or another's is not the one that the term rests on: somebody has deleted that.
    if (claim !== 'kept') this.#terms.end(shard.shard, 'lost');
    if (claim === 'foreign' || this.#terms.current.has(shard.shard)) return;
    const epoch = await shard.raiseEpoch(client);
    const isTrusted = (): boolean => this.#session.isTrusted(client);
    // A term may have been given up while this pass was on its way here.
    if (isTrusted() && !this.#isLeftAlone(shard.shard)) this.#terms.open(shard.shard, epoch, isTrusted);
  }

  async #giveUp(client: ZooKeeperClient, shard: ShardOwnership): Promise<void> {
    this.#retakeAt.delete(shard.shard);
    this.#terms.end(shard.shard, 'resigned');
    await shard.release(client);
  }

  #whenToLookAgain(client: ZooKeeperClient, settled: readonly PromiseSettledResult<void>[]): number | void {
    const failure = settled.find((result) => result.status === 'rejected');
    if (failure === undefined) {
      this.#failures = 0;
      return this.#retakeAt.size > 0 ? RETRY_MS : undefined;
    }
    if (client.isOpen) this.#deps.logger.warn('shards-not-settled', { error: failure.reason as unknown });
    return this.#retryDelayMs();
  }

  #retryDelayMs(): number {
    return Math.min(RETRY_MS * 2 ** this.#failures++, MAX_RETRY_MS);
  }

  async #readFence(shard: ShardId): Promise<number> {
    try {
      return await this.#deps.readFence(shard);
    } catch (error) {
      const isSilent = error instanceof StoreUnavailableError && error.code === 'CJ_REDIS_TIMEOUT';
      // Of a member that leads some shards only a part of the store is silent: one master of several.
      if (isSilent && this.#terms.current.size === 0) this.#isCutOff = true;
      else this.#isDoubtful = true;
      throw error;
    }
  }

  /** A process that may not lead runs all the same. */
  #isRefused(): boolean {
    const isRefused = (this.#deps.fitness?.refusal() ?? null) !== null;
    if (isRefused) this.#joined();
    return isRefused;
  }

  /** Can this member reach the store? Asked only after something spoke against it. */
  async #isFit(): Promise<boolean> {
    if (this.#isCutOff) {
      // Others should not wait until this member has tried once more.
      this.#isCutOff = false;
      this.#isDoubtful = true;
      return false;
    }
    if (!this.#isDoubtful) return true;
    this.#isDoubtful = false;
    await this.#deps.readFence(0).catch(() => (this.#isDoubtful = true));
    return !this.#isDoubtful;
  }

  /** A member that may not lead, or cannot reach the store, leaves its shards to those that can, until it can again. */
  async #withdraw(client: ZooKeeperClient): Promise<number> {
    await Promise.all(this.#shards.map((shard) => this.#giveUp(client, shard)));
    await this.#membership.leave(client);
    const reason = this.#deps.fitness?.refusal() ?? 'the store does not answer';
    if (!this.#isWithdrawn) this.#deps.logger.warn('candidacy-withdrawn', { reason });
    this.#isWithdrawn = true;
    this.#deps.probe.signal('candidacy-withdrawn');
    return WITHDRAWN_RETRY_MS;
  }

  /** By its holder: a pause keeps two that are of different opinion from chasing each other. */
  #givenUp(shard: ShardId, reason: TermEndReason): void {
    if (reason === 'resigned') this.#isCutOff = true;
    this.#retakeAt.set(shard, this.#deps.clock.monotonicNow() + RETAKE_DELAY_MS);
    this.#loop.wake();
  }

  #isLeftAlone(shard: ShardId): boolean {
    const until = this.#retakeAt.get(shard);
    if (until === undefined) return false;
    if (this.#deps.clock.monotonicNow() < until) return true;
    this.#retakeAt.delete(shard);
    return false;
  }

  /** What cut it off from ZooKeeper for so long may have cut it off from the store too, and go on doing so. */
  #forgetSession(): void {
    this.#isDoubtful = true;
    this.#terms.endAll('expired');
    for (const shard of this.#shards) shard.forget();
  }

  #reportBlocked(members: readonly MemberId[]): void {
    const limitMs = 3 * this.#session.timeoutMs;
    const blocked = this.#shards.filter((shard) => shard.isBlocked(limitMs, members));
    this.#deps.metrics.shardsBlocked.set(blocked.length);
  }
}
