import { CoordinationError } from '../../src/domain/errors.js';
import type { Znode, ZnodeStat } from '../../src/leader/zookeeper-client.js';
import { Random } from '../faults/random.js';
import type { SimEvent, Simulation } from './simulation.js';

/** How the ensemble speaks to one connection. */
export interface SimWatcher {
  changed(path: string): void;
  /** Its session is over, or goes on over another connection. */
  dropped(why: 'expired' | 'moved'): void;
}

interface StoredZnode {
  data: Buffer;
  version: number;
  readonly owner: bigint;
}

interface Session {
  readonly id: bigint;
  readonly timeoutMs: number;
  /** What belongs to whom, for the ledgers. */
  readonly holder: string;
  heardAt: number;
  watcher: SimWatcher | null;
  expiry: SimEvent | null;
}

/** How a znode was before a write. */
interface Change {
  readonly zxid: number;
  readonly at: number;
  readonly path: string;
  readonly before: StoredZnode | undefined;
}

/** What a connection's server has heard of: it is this far behind, but never before what its client has seen. */
export interface SimView {
  readonly lagMs: number;
  readonly zxid: number;
}

/** Sessions end at ticks. */
const TICK_MS = 500;
/** No server is further behind. */
const MAX_LAG_MS = 100;

/**
 * What an ensemble promises, as one object: one order of writes, sessions that end by themselves, ephemerals that end
 * with them, watches that speak once, and reads that may be old. Each write is applied at one instant.
 */
export class SimZooKeeper {
  readonly #sim: Simulation;
  readonly #lags: Random;
  readonly #znodes = new Map<string, StoredZnode>();
  readonly #sessions = new Map<bigint, Session>();
  readonly #dataWatches = new Map<string, Set<SimWatcher>>();
  readonly #childWatches = new Map<string, Set<SimWatcher>>();
  /** In order of their zxid; as many as a server may be behind. */
  #changes: Change[] = [];
  #zxid = 0;
  #nextSession = 1n;
  /** Without a quorum nothing is answered and no session ends. */
  #isDown = false;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#lags = new Random(sim.seed ^ 0x3c6ef372);
  }

  get lastZxid(): number {
    return this.#zxid;
  }

  /** How far the server of a new connection is behind. */
  nextLagMs(): number {
    return this.#lags.chance(0.3) ? this.#lags.between(1, MAX_LAG_MS) : 0;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** The process that holds the znode; undefined when it is not there. */
  holderOf(path: string): string | undefined {
    const owner = this.#znodes.get(path)?.owner;
    return owner === undefined ? undefined : this.#sessions.get(owner)?.holder;
  }

  lose(): void {
    this.#isDown = true;
  }

  /** A new leader gives every session its full time-out again. */
  recover(): void {
    this.#isDown = false;
    for (const session of this.#sessions.values()) session.heardAt = this.#sim.now;
  }

  /** Null when the session to be resumed is over. */
  open(watcher: SimWatcher, ask: { resume: bigint | null; timeoutMs: number; holder: string }): bigint | null {
    const session = ask.resume === null ? this.#begin(ask) : this.#sessions.get(ask.resume);
    if (session === undefined) return null;
    const former = session.watcher;
    session.watcher = watcher;
    session.heardAt = this.#sim.now;
    if (former !== null) this.#forget(former, 'moved');
    return session.id;
  }

  disconnected(watcher: SimWatcher): void {
    for (const session of this.#sessions.values()) if (session.watcher === watcher) session.watcher = null;
    this.#dropWatches(watcher);
  }

  close(id: bigint): void {
    this.#end(id, null);
  }

  /** Any request of the session. False when it is over. */
  hear(id: bigint): boolean {
    const session = this.#sessions.get(id);
    if (session !== undefined) session.heardAt = this.#sim.now;
    return session !== undefined;
  }

  /** The last write that the connection's server knows of. */
  zxidOf(view: SimView): number {
    const appliedAt = this.#sim.now - view.lagMs;
    const isBehind = (change: Change): boolean => change.at > appliedAt;
    const first = view.lagMs === 0 ? undefined : this.#changes.find(isBehind);
    return Math.max(first === undefined ? this.#zxid : first.zxid - 1, view.zxid);
  }

  stat(path: string, view: SimView, watcher: SimWatcher | null): ZnodeStat | undefined {
    if (watcher !== null) this.#watch(this.#dataWatches, path, { view, watcher, isConcerned: (of) => of === path });
    const znode = this.#seen(path, view);
    return znode === undefined ? undefined : { version: znode.version, ephemeralOwner: znode.owner };
  }

  read(path: string, view: SimView, watcher: SimWatcher | null): Znode | undefined {
    const znode = this.#seen(path, view);
    if (znode === undefined) return undefined;
    if (watcher !== null) this.#watch(this.#dataWatches, path, { view, watcher, isConcerned: (of) => of === path });
    return { data: znode.data, version: znode.version, ephemeralOwner: znode.owner };
  }

  children(path: string, view: SimView, watcher: SimWatcher | null): readonly string[] {
    if (this.#seen(path, view) === undefined) throw refusal('CJ_ZK_NO_NODE', path);
    if (watcher !== null) {
      const isConcerned = (of: string): boolean => parentOf(of) === path;
      this.#watch(this.#childWatches, path, { view, watcher, isConcerned });
    }
    const unheard = this.#unheard(view).map((change) => change.path);
    const paths = new Set([...this.#znodes.keys(), ...unheard].filter((of) => parentOf(of) === path));
    const names = [...paths].filter((of) => this.#seen(of, view) !== undefined);
    return names.map((of) => of.slice(path.length + 1));
  }

  create(path: string, data: Buffer, owner: bigint): void {
    if (this.#znodes.has(path)) throw refusal('CJ_ZK_NODE_EXISTS', path);
    const parent = parentOf(path);
    if (parent !== '') this.#existing(parent);
    this.#note(path);
    this.#znodes.set(path, { data, version: 0, owner });
    this.#tell(this.#dataWatches, path, path);
    this.#tell(this.#childWatches, parent, parent);
  }

  write(path: string, data: Buffer, version: number): void {
    const znode = this.#existing(path);
    if (version !== -1 && version !== znode.version) throw refusal('CJ_ZK_BAD_VERSION', path);
    this.#note(path);
    znode.data = data;
    znode.version += 1;
    this.#tell(this.#dataWatches, path, path);
  }

  remove(path: string, version: number): void {
    const znode = this.#existing(path);
    if (version !== -1 && version !== znode.version) throw refusal('CJ_ZK_BAD_VERSION', path);
    this.#delete(path);
  }

  #begin({ timeoutMs, holder }: { timeoutMs: number; holder: string }): Session {
    const id = this.#nextSession++;
    const session: Session = { id, timeoutMs, holder, heardAt: this.#sim.now, watcher: null, expiry: null };
    this.#sessions.set(id, session);
    this.#armExpiry(session);
    return session;
  }

  #armExpiry(session: Session): void {
    const endsAt = session.heardAt + session.timeoutMs;
    const tickAt = Math.ceil(endsAt / TICK_MS) * TICK_MS;
    session.expiry = this.#sim.schedule(Math.max(tickAt - this.#sim.now, TICK_MS), null, () => {
      const isOver = !this.#isDown && this.#sim.now >= session.heardAt + session.timeoutMs;
      if (isOver) this.#end(session.id, 'expired');
      else if (this.#sessions.has(session.id)) this.#armExpiry(session);
    });
  }

  #end(id: bigint, why: 'expired' | null): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    if (session.expiry !== null) session.expiry.run = null;
    if (session.watcher !== null) {
      this.#dropWatches(session.watcher);
      if (why !== null) session.watcher.dropped(why);
    }
    this.#sim.note(() => `zookeeper: session ${id} of ${session.holder} ${why ?? 'closed'}`);
    for (const [path, znode] of [...this.#znodes]) if (znode.owner === id) this.#delete(path);
  }

  #delete(path: string): void {
    this.#note(path);
    this.#znodes.delete(path);
    this.#tell(this.#dataWatches, path, path);
    this.#tell(this.#childWatches, parentOf(path), parentOf(path));
  }

  #note(path: string): void {
    const { now } = this.#sim;
    const znode = this.#znodes.get(path);
    this.#changes.push({ zxid: ++this.#zxid, at: now, path, before: znode && { ...znode } });
    const kept = this.#changes.findIndex((change) => change.at >= now - MAX_LAG_MS);
    if (kept > 100) this.#changes = this.#changes.slice(kept);
  }

  #unheard(view: SimView): readonly Change[] {
    const zxid = this.zxidOf(view);
    return zxid === this.#zxid ? [] : this.#changes.filter((change) => change.zxid > zxid);
  }

  #seen(path: string, view: SimView): StoredZnode | undefined {
    const next = this.#unheard(view).find((change) => change.path === path);
    return next === undefined ? this.#znodes.get(path) : next.before;
  }

  /** What the server has yet to hear of, it tells when it does. */
  #watch(
    watches: Map<string, Set<SimWatcher>>,
    path: string,
    { view, watcher, isConcerned }: { view: SimView; watcher: SimWatcher; isConcerned: (path: string) => boolean },
  ): void {
    const next = this.#unheard(view).find((change) => isConcerned(change.path));
    if (next === undefined) add(watches, path, watcher);
    else this.#sim.schedule(next.at + view.lagMs - this.#sim.now, null, () => watcher.changed(path));
  }

  #existing(path: string): StoredZnode {
    const znode = this.#znodes.get(path);
    if (znode === undefined) throw refusal('CJ_ZK_NO_NODE', path);
    return znode;
  }

  #tell(watches: Map<string, Set<SimWatcher>>, key: string, path: string): void {
    const watchers = watches.get(key);
    watches.delete(key);
    watchers?.forEach((watcher) => watcher.changed(path));
  }

  #forget(watcher: SimWatcher, why: 'moved'): void {
    this.#dropWatches(watcher);
    watcher.dropped(why);
  }

  #dropWatches(watcher: SimWatcher): void {
    for (const watches of [this.#dataWatches, this.#childWatches]) {
      for (const watchers of watches.values()) watchers.delete(watcher);
    }
  }
}

function add(watches: Map<string, Set<SimWatcher>>, path: string, watcher: SimWatcher): void {
  const watchers = watches.get(path);
  if (watchers === undefined) watches.set(path, new Set([watcher]));
  else watchers.add(watcher);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function refusal(code: 'CJ_ZK_NODE_EXISTS' | 'CJ_ZK_NO_NODE' | 'CJ_ZK_BAD_VERSION', path: string): CoordinationError {
  return new CoordinationError(code, `${code} ${path}`, { details: { path } });
}
