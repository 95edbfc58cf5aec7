import { CoordinationError } from '../../src/domain/errors.js';
import type { Znode, ZnodeStat } from '../../src/leader/zookeeper-client.js';
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

/** Sessions end at ticks. */
const TICK_MS = 500;

/**
 * What an ensemble promises, as one object: one order of writes, sessions that end by themselves, ephemerals that end
 * with them, watches that speak once. Each call is applied at one instant.
 */
export class SimZooKeeper {
  readonly #sim: Simulation;
  readonly #znodes = new Map<string, StoredZnode>();
  readonly #sessions = new Map<bigint, Session>();
  readonly #dataWatches = new Map<string, Set<SimWatcher>>();
  readonly #childWatches = new Map<string, Set<SimWatcher>>();
  #nextSession = 1n;
  /** Without a quorum nothing is answered and no session ends. */
  #isDown = false;

  constructor(sim: Simulation) {
    this.#sim = sim;
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

  stat(path: string, watcher: SimWatcher | null): ZnodeStat | undefined {
    if (watcher !== null) add(this.#dataWatches, path, watcher);
    const znode = this.#znodes.get(path);
    return znode === undefined ? undefined : { version: znode.version, ephemeralOwner: znode.owner };
  }

  read(path: string, watcher: SimWatcher | null): Znode | undefined {
    const znode = this.#znodes.get(path);
    if (znode === undefined) return undefined;
    if (watcher !== null) add(this.#dataWatches, path, watcher);
    return { data: znode.data, version: znode.version, ephemeralOwner: znode.owner };
  }

  children(path: string, watcher: SimWatcher | null): readonly string[] {
    this.#existing(path);
    if (watcher !== null) add(this.#childWatches, path, watcher);
    const prefix = `${path}/`;
    const names = [...this.#znodes.keys()].filter((key) => key.startsWith(prefix));
    return names.map((key) => key.slice(prefix.length)).filter((name) => !name.includes('/'));
  }

  create(path: string, data: Buffer, owner: bigint): void {
    if (this.#znodes.has(path)) throw refusal('CJ_ZK_NODE_EXISTS', path);
    const parent = parentOf(path);
    if (parent !== '') this.#existing(parent);
    this.#znodes.set(path, { data, version: 0, owner });
    this.#tell(this.#dataWatches, path, path);
    this.#tell(this.#childWatches, parent, parent);
  }

  write(path: string, data: Buffer, version: number): void {
    const znode = this.#existing(path);
    if (version !== -1 && version !== znode.version) throw refusal('CJ_ZK_BAD_VERSION', path);
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
    this.#znodes.delete(path);
    this.#tell(this.#dataWatches, path, path);
    this.#tell(this.#childWatches, parentOf(path), parentOf(path));
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
