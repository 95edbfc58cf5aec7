import { CoordinationError } from '../../src/domain/errors.js';
import type {
  SessionTicket,
  Znode,
  ZnodeStat,
  ZooKeeperClient,
  ZooKeeperClientListener,
} from '../../src/leader/zookeeper-client.js';
import type { SimProcess } from './sim-process.js';
import type { Simulation } from './simulation.js';
import type { SimView, SimWatcher, SimZooKeeper } from './sim-zookeeper.js';

/** The way of one process to ZooKeeper: while it is cut, what is sent either way waits. */
export class ZooKeeperLink {
  #isCut = false;
  #waiting: (() => void)[] = [];
  readonly #connections = new Set<SimZooKeeperClient>();

  constructor(
    readonly sim: Simulation,
    readonly ensemble: SimZooKeeper,
    readonly client: SimProcess,
  ) {}

  get isCut(): boolean {
    return this.#isCut || this.ensemble.isDown;
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    this.flush();
  }

  /** What has waited goes on, if nothing else holds it. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const send of waiting) send();
  }

  /** Every connection breaks: the server went down, and another takes over. */
  reset(): void {
    for (const connection of [...this.#connections]) connection.broken();
  }

  /** The process has died: its connections close, its session stays until its time is up. */
  die(): void {
    this.#waiting = [];
    for (const connection of [...this.#connections]) this.sim.schedule(this.latency(), null, () => connection.gone());
  }

  track(connection: SimZooKeeperClient, isOpen: boolean): void {
    if (isOpen) this.#connections.add(connection);
    else this.#connections.delete(connection);
  }

  hold(send: () => void): void {
    this.#waiting.push(send);
  }

  latency(): number {
    return 0.2 + this.sim.random.next();
  }
}

type Answer<T> = { readonly value: T } | { readonly error: Error };

/**
 * One connection, with the promises of `ZooKeeperClient`: answers in order, all calls settled when it is over, no word
 * to the listener after that.
 */
export class SimZooKeeperClient implements Pick<ZooKeeperClient, keyof ZooKeeperClient> {
  readonly #link: ZooKeeperLink;
  readonly #listener: ZooKeeperClientListener;
  readonly #config: { readonly sessionTimeoutMs: number; readonly resume: SessionTicket | undefined };
  #phase: 'connecting' | 'open' | 'over' = 'connecting';
  #sessionId = 0n;
  /** The ensemble's end of it. */
  #isAttached = false;
  #view: SimView;
  /** Of the answers that have come; the next connection does not see less. */
  #seenZxid: number;
  #arrivesAt = 0;
  #returnsAt = 0;
  readonly #pending = new Set<() => void>();
  #setOver: () => void = () => undefined;
  readonly #over = new Promise<void>((resolve) => (this.#setOver = resolve));
  readonly #watcher: SimWatcher = {
    changed: (path) => this.#backward(() => this.#phase === 'open' && this.#listener.changed(path)),
    dropped: () => {
      this.#isAttached = false;
      this.#backward(() => this.broken());
    },
  };

  constructor(
    link: ZooKeeperLink,
    listener: ZooKeeperClientListener,
    config: { readonly sessionTimeoutMs: number; readonly resume: SessionTicket | undefined },
  ) {
    this.#link = link;
    this.#listener = listener;
    this.#config = config;
    this.#seenZxid = Number(config.resume?.lastZxid.readBigInt64BE() ?? 0n);
    this.#view = { lagMs: link.ensemble.nextLagMs(), zxid: this.#seenZxid };
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  get sessionId(): bigint {
    return this.#sessionId;
  }

  get timeoutMs(): number {
    return this.#config.sessionTimeoutMs;
  }

  get ticket(): SessionTicket {
    const id = Buffer.alloc(8);
    id.writeBigInt64BE(this.#sessionId);
    const lastZxid = Buffer.alloc(8);
    lastZxid.writeBigInt64BE(BigInt(this.#seenZxid));
    return { id, password: Buffer.alloc(16), lastZxid };
  }

  connect(): void {
    this.#link.track(this, true);
    const { resume, sessionTimeoutMs } = this.#config;
    const { ensemble, client } = this.#link;
    this.#forward(() => {
      const asked = resume === undefined ? null : resume.id.readBigInt64BE();
      const holder = client.name;
      const id = ensemble.open(this.#watcher, { resume: asked, timeoutMs: sessionTimeoutMs, holder });
      this.#isAttached = id !== null;
      this.#backward(() => (id === null ? this.#refuse() : this.#open(id)));
    });
  }

  createPersistent(path: string, data: Buffer): Promise<void> {
    return this.#call(path, (ensemble) => ensemble.create(path, data, 0n));
  }

  createOpen(path: string, data: Buffer): Promise<void> {
    return this.createPersistent(path, data);
  }

  createEphemeral(path: string, data: Buffer): Promise<void> {
    return this.#call(path, (ensemble) => ensemble.create(path, data, this.#sessionId));
  }

  stat(path: string, watch = false): Promise<ZnodeStat | undefined> {
    return this.#look(path, (ensemble) => ensemble.stat(path, this.#view, watch ? this.#watcher : null));
  }

  read(path: string, watch = false): Promise<Znode | undefined> {
    return this.#look(path, (ensemble) => ensemble.read(path, this.#view, watch ? this.#watcher : null));
  }

  children(path: string, watch = false): Promise<readonly string[]> {
    return this.#look(path, (ensemble) => ensemble.children(path, this.#view, watch ? this.#watcher : null));
  }

  write(path: string, data: Buffer, version: number): Promise<void> {
    return this.#call(path, (ensemble) => ensemble.write(path, data, version));
  }

  remove(path: string, version: number): Promise<void> {
    return this.#call(path, (ensemble) => ensemble.remove(path, version));
  }

  closeSession(): Promise<void> {
    if (this.#phase === 'connecting') this.abandon();
    if (this.#phase === 'open') {
      void this.#call('', (ensemble) => ensemble.close(this.#sessionId)).then(
        () => this.abandon(),
        () => undefined,
      );
    }
    return this.#over;
  }

  abandon(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#link.track(this, false);
    for (const reject of [...this.#pending]) reject();
    this.#setOver();
    // What was written to the socket before arrives first.
    this.#forward(() => this.gone());
  }

  /** The connection closed under it. */
  broken(): void {
    if (this.#phase === 'over') return;
    const wasOpen = this.#phase === 'open';
    this.abandon();
    this.#listener.lost(wasOpen ? 'closed' : 'unreachable');
  }

  /** The ensemble notices that nobody is at the other end. */
  gone(): void {
    if (this.#isAttached) this.#link.ensemble.disconnected(this.#watcher);
    this.#isAttached = false;
  }

  #open(id: bigint): void {
    if (this.#phase !== 'connecting') return;
    this.#phase = 'open';
    this.#sessionId = id;
    this.#listener.opened();
  }

  #refuse(): void {
    if (this.#phase !== 'connecting') return;
    this.abandon();
    this.#listener.expired();
  }

  #look<T>(path: string, apply: (ensemble: SimZooKeeper) => T): Promise<T> {
    return this.#ask(path, (ensemble) => {
      this.#view = { ...this.#view, zxid: ensemble.zxidOf(this.#view) };
      return apply(ensemble);
    });
  }

  /** Is answered when the server has heard of it, and with it of everything before. */
  #call<T>(path: string, apply: (ensemble: SimZooKeeper) => T): Promise<T> {
    return this.#ask(path, (ensemble) => {
      try {
        return apply(ensemble);
      } finally {
        this.#view = { ...this.#view, zxid: ensemble.lastZxid };
      }
    });
  }

  #ask<T>(path: string, apply: (ensemble: SimZooKeeper) => T): Promise<T> {
    if (this.#phase !== 'open') return Promise.reject(disconnected(path));
    return new Promise((resolve, reject) => {
      const rejectLost = (): void => reject(disconnected(path));
      this.#pending.add(rejectLost);
      this.#forward(() => {
        if (!this.#isAttached || !this.#link.ensemble.hear(this.#sessionId)) return;
        const answer = this.#answer(apply);
        const { zxid } = this.#view;
        this.#backward(() => {
          this.#seenZxid = zxid;
          this.#pending.delete(rejectLost);
          if ('error' in answer) reject(answer.error);
          else resolve(answer.value);
        });
      });
    });
  }

  #answer<T>(apply: (ensemble: SimZooKeeper) => T): Answer<T> {
    try {
      return { value: apply(this.#link.ensemble) };
    } catch (error) {
      return { error: error as Error };
    }
  }

  #forward(arrive: () => void): void {
    const link = this.#link;
    if (link.isCut) return link.hold(() => this.#forward(arrive));
    this.#arrivesAt = Math.max(this.#arrivesAt, link.sim.now + link.latency());
    link.sim.schedule(this.#arrivesAt - link.sim.now, null, arrive);
  }

  #backward(deliver: () => void): void {
    const link = this.#link;
    if (link.isCut) return link.hold(() => this.#backward(deliver));
    this.#returnsAt = Math.max(this.#returnsAt, link.sim.now + link.latency());
    link.sim.schedule(this.#returnsAt - link.sim.now, link.client, () => {
      if (this.#phase !== 'over') deliver();
    });
  }
}

function disconnected(path: string): CoordinationError {
  return new CoordinationError('CJ_ZK_DISCONNECTED', `connection lost or not open: ${path}`, { details: { path } });
}
