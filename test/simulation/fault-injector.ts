import { Random } from '../faults/random.js';
import { NO_TROUBLE, type LinkTrouble, type NetworkLink } from './network-link.js';
import { startScheduler, startWorker, type Member, type World } from './members.js';
import type { ZooKeeperLink } from './sim-zookeeper-client.js';
import { Violation } from './violation.js';

export interface ClusterShape {
  readonly schedulers: number;
  readonly workers: number;
  readonly sessionTimeoutMs: number;
  readonly leaseMs: number;
  readonly concurrency: number;
}

export interface FaultInjectorConfig {
  readonly shape: ClusterShape;
  readonly operator: NetworkLink;
  /** Kinds of faults that are left out. */
  readonly without: readonly string[];
}

interface Slot {
  member: Member;
  starts: number;
  isStopping: boolean;
  /** It has ended and is started again. */
  readonly onExit: () => void;
}

/** As long as a supervisor waits after SIGTERM before it kills. */
const STOP_GRACE_MS = 120_000;

/**
 * Starts the members, breaks them and what lies between them, and mends everything again. Faults come at random and
 * may overlap; each undoes exactly what it did.
 */
export class FaultInjector {
  readonly #world: World;
  /** Of its own: the faults of a seed stay the same when the product makes one call more. */
  readonly #random: Random;
  /** And they stay the same when connections flap in another way. */
  readonly #flaps: Random;
  readonly #shape: ClusterShape;
  readonly #operator: NetworkLink;
  readonly #without: ReadonlySet<string>;
  readonly #slots: Slot[] = [];
  readonly counts = new Map<string, number>();
  #active = 0;
  #isOver = false;
  /** True time at which the last fault was over. */
  healedAt = 0;

  constructor(world: World, config: FaultInjectorConfig) {
    this.#world = world;
    this.#random = new Random(world.sim.seed ^ 0x1b873593);
    this.#flaps = new Random(world.sim.seed ^ 0x7f4a7c15);
    this.#shape = config.shape;
    this.#operator = config.operator;
    this.#without = new Set(config.without);
  }

  get isHealthy(): boolean {
    return this.#active === 0;
  }

  startCluster(): void {
    for (let index = 0; index < this.#shape.schedulers; index++) this.#addSlot('scheduler', index);
    for (let index = 0; index < this.#shape.workers; index++) this.#addSlot('worker', index);
  }

  checkTrust(): void {
    for (const { member } of this.#slots) member.checkTrust();
  }

  /** A fault every `everyMs` on average. */
  start(everyMs: number): void {
    const { sim } = this.#world;
    sim.schedule(-Math.log(1 - this.#random.next()) * everyMs, null, () => {
      if (this.#isOver) return;
      this.#inject();
      this.start(everyMs);
    });
  }

  /** No new faults; those under way end by themselves, soon. */
  end(): void {
    this.#isOver = true;
  }

  #addSlot(role: Member['role'], index: number): void {
    // As a supervisor would: what has ended is started again.
    const onExit = (): void => {
      if (slot.isStopping) this.#active -= 1;
      slot.isStopping = false;
      this.#during('restart', 500 + this.#random.next() * 3000, () => {
        slot.starts += 1;
        slot.member = this.#startMember(role, { index, start: slot.starts, onExit });
      });
    };
    const member = this.#startMember(role, { index, start: 1, onExit });
    const slot: Slot = { member, starts: 1, isStopping: false, onExit };
    this.#slots.push(slot);
  }

  #startMember(
    role: Member['role'],
    { index, start, onExit }: { index: number; start: number; onExit: () => void },
  ): Member {
    const random = this.#random;
    const name = `${role}-${index}.${start}`;
    const skewMs = random.chance(0.5) ? 0 : (random.next() - 0.5) * 20_000;
    const { sessionTimeoutMs, leaseMs, concurrency } = this.#shape;
    if (role === 'scheduler') return startScheduler(this.#world, { name, sessionTimeoutMs, skewMs }, onExit);
    return startWorker(this.#world, { name, leaseMs, concurrency, skewMs }, onExit);
  }

  #inject(): void {
    const { sim } = this.#world;
    const [name, fault] = this.#random.pick(this.#faults);
    if (this.#without.has(name)) return;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    sim.note(() => `fault: ${name}`);
    fault();
  }

  /** Mostly short, sometimes beyond every time-out. */
  #duration(): number {
    const random = this.#random;
    return 50 + random.next() ** 3 * 60_000;
  }

  readonly #faults: readonly (readonly [string, () => void])[] = [
    ['kill', () => this.#kill()],
    ['terminate', () => this.#terminate()],
    ['pause', () => this.#pause(this.#pickMember())],
    ['pause', () => this.#pause(this.#pickMember('scheduler'))],
    ['cut from store', () => this.#cutStore([this.#pickMember().link])],
    ['worker cut from store', () => this.#cutWorker()],
    ['cut from zookeeper', () => this.#cutZooKeeper()],
    ['connections to zookeeper reset', () => this.#resetZooKeeper()],
    ['flaky', () => this.#disturb([this.#pickMember().link], this.#flaky())],
    ['flaky everywhere', () => this.#disturb(this.#links(), this.#flaky())],
    ['slow', () => this.#slow(this.#pickMember())],
    ['slow', () => this.#slow(this.#pickMember('scheduler'))],
    ['store stands still', () => this.#stallStore()],
    ['store unreachable', () => this.#cutStore(this.#links())],
    ['zookeeper without quorum', () => this.#stopZooKeeper()],
    ["member's clock set", () => this.#setMemberClock()],
    ["store's clock set", () => this.#setStoreClock((this.#random.next() - 0.5) * 4000)],
    ["store's clock set", () => this.#setStoreClock(this.#random.next() * 300_000 - 20_000)],
    ['power-off', () => this.#powerOff()],
  ];

  #kill(slot = this.#random.pick(this.#slots)): void {
    if (!slot.member.process.isAlive) return;
    slot.member.kill();
    slot.onExit();
  }

  #terminate(): void {
    const { sim } = this.#world;
    const slot = this.#random.pick(this.#slots);
    const { member } = slot;
    if (!member.process.isAlive || slot.isStopping) return;
    slot.isStopping = true;
    this.#active += 1;
    member.stop();
    sim.schedule(STOP_GRACE_MS, null, () => {
      if (slot.member !== member || !member.process.isAlive) return;
      if (this.#active === 1 && sim.now - this.healedAt > STOP_GRACE_MS)
        sim.fail(new Violation('I10', `${member.process.name} did not stop`));
      this.#kill(slot);
    });
  }

  #powerOff(): void {
    for (const slot of this.#slots) this.#kill(slot);
  }

  #pause({ process }: Member): void {
    process.pause();
    this.#during('pause', this.#duration(), () => process.resume());
  }

  #cutStore(links: readonly NetworkLink[]): void {
    const delivering = this.#random.chance(0.5);
    for (const link of links) link.cut();
    this.#during('cut', this.#duration(), () => links.forEach((link) => link.heal(delivering)));
  }

  /** Beyond its leases, so that another takes over what it runs. */
  #cutWorker(): void {
    const { link } = this.#pickMember('worker');
    const durationMs = this.#shape.leaseMs * (1 + 2 * this.#random.next());
    link.cut();
    this.#during('cut', durationMs, () => link.heal(this.#random.chance(0.5)));
  }

  #cutZooKeeper(): void {
    const { zookeeper } = this.#pickMember('scheduler');
    zookeeper?.cut();
    this.#during('cut', this.#duration(), () => zookeeper?.heal());
  }

  /** All once; or those of some again and again, to servers that may be behind, while the store refuses connections too. */
  #resetZooKeeper(): void {
    const { sim } = this.#world;
    const random = this.#flaps;
    if (random.chance(0.5)) return this.#zookeeperLinks().forEach((link) => link.reset());
    const schedulers = this.#slots.map(({ member }) => member).filter(({ role }) => role === 'scheduler');
    const members = random.chance(0.5) ? schedulers : [random.pick(schedulers)];
    const durationMs = random.next() ** 2 * 20_000;
    const everyMs = random.between(5, 150);
    const reset = (): void => members.forEach(({ zookeeper }) => zookeeper?.reset());
    for (let at = 0; at < durationMs; at += 2 * everyMs * random.next()) sim.schedule(at, null, reset);
    const links = members.map(({ link }) => link);
    this.#disturb(links, { ...NO_TROUBLE, refused: 0.5 * random.next() }, durationMs);
  }

  #disturb(links: readonly NetworkLink[], trouble: LinkTrouble, durationMs = this.#duration()): void {
    for (const link of links) link.trouble = trouble;
    this.#during('trouble', durationMs, () => {
      for (const link of links) link.trouble = NO_TROUBLE;
    });
  }

  #slow({ link }: Member): void {
    this.#disturb([link], { ...NO_TROUBLE, slowMs: 50 + this.#duration() / 50 });
  }

  #flaky(): LinkTrouble {
    const random = this.#random;
    const most = random.pick([0.02, 0.1, 0.4]);
    return {
      lostBefore: most * random.next(),
      lostAfter: most * random.next(),
      belated: (most * random.next()) / 2,
      slowMs: random.chance(0.5) ? 0 : random.next() * 50,
      refused: 0,
    };
  }

  #stallStore(): void {
    const { process } = this.#world.store;
    process.pause();
    this.#during('stall', this.#duration() / 2, () => process.resume());
  }

  #stopZooKeeper(): void {
    const { zookeeper } = this.#world;
    if (zookeeper.isDown) return;
    zookeeper.lose();
    this.#during('zookeeper', this.#duration(), () => {
      zookeeper.recover();
      for (const link of this.#zookeeperLinks()) link.flush();
    });
  }

  #setMemberClock(): void {
    const { process } = this.#pickMember();
    process.skewMs += (this.#random.next() - 0.5) * 7_200_000;
  }

  /** As time synchronisation may do it; leases follow this clock, so it does not go back far. */
  #setStoreClock(byMs: number): void {
    const { sim, store, auditor } = this.#world;
    store.process.skewMs += byMs;
    auditor.executions.clockSetAt = sim.now;
    auditor.fires.clockSetAt = store.process.now();
    this.healedAt = sim.now;
  }

  #during(what: string, durationMs: number, end: () => void): void {
    const { sim } = this.#world;
    this.#active += 1;
    sim.schedule(durationMs, null, () => {
      sim.note(() => `over: ${what}`);
      end();
      this.#active -= 1;
      this.healedAt = sim.now;
    });
  }

  #pickMember(role?: Member['role']): Member {
    const slots = role === undefined ? this.#slots : this.#slots.filter(({ member }) => member.role === role);
    return this.#random.pick(slots).member;
  }

  #links(): readonly NetworkLink[] {
    return [this.#operator, ...this.#slots.map(({ member }) => member.link)];
  }

  #zookeeperLinks(): readonly ZooKeeperLink[] {
    return this.#slots.flatMap(({ member }) => member.zookeeper ?? []);
  }
}
