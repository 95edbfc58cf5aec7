import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import {
  ACL,
  createClient,
  CreateMode,
  Exception,
  Id,
  Permission,
  type Client,
  type Stat,
} from 'node-zookeeper-client';
import { CoordinationError } from '../domain/errors.js';

/**
 * One connection of node-zookeeper-client, and the only file that knows the library.
 *
 *   connecting ──handshake answered──▶ open ──closeSession──▶ closing ──▶ over
 *        └───────────── refused │ expired │ lost │ abandoned ─────────────▶ over
 *
 * The library reconnects by itself and keeps state across connections that it must not keep: half a frame
 * of the old connection is put before the first of the new one, requests queued while offline overtake the
 * authentication, an expired client lets callbacks hang. So its reconnecting is switched off here: one
 * object, one connection, and every call made on it is settled by the time it is over. `ZooKeeperSession`
 * makes the next object, which carries the session on.
 */
export interface ZooKeeperClientListener {
  /** The handshake was answered: `sessionId` and `timeoutMs` are valid now. */
  opened(): void;
  /** The session to be resumed does not exist any more. Nothing follows. */
  expired(): void;
  /** The connection is gone without having been asked to go. Nothing follows. */
  lost(cause: ConnectionLoss): void;
  /** Something that was read with a watch has changed; each watch speaks once. */
  changed(path: string): void;
}

/** `unreachable`: no TCP connection; `refused`: closed before the handshake was answered; `closed`: later; `garbled`: unreadable answer. */
export type ConnectionLoss = 'unreachable' | 'refused' | 'closed' | 'garbled';

/** What it takes to carry a session over to another connection. */
export interface SessionTicket {
  readonly id: Buffer;
  readonly password: Buffer;
  /** A server that has seen less than this connection did refuses the next one, so that reads never go back. */
  readonly lastZxid: Buffer;
}

export interface ZnodeStat {
  readonly version: number;
  /** Session that owns an ephemeral znode, 0 for a persistent one. */
  readonly ephemeralOwner: bigint;
}

export interface Znode extends ZnodeStat {
  readonly data: Buffer;
}

/** Private to the library, whose last release 1.1.3 is pinned. */
interface LibraryConnection extends EventEmitter {
  socket?: Socket;
  connectTimeoutHandler: NodeJS.Timeout | null;
  zxid: Buffer;
  connect(): void;
  onSocketData(chunk: Buffer): void;
}

/** At run time an `Exception` is an `Error`; its typings do not say so. */
type LibraryError = Error | Exception;

const OPEN = [new ACL(Permission.ALL, new Id('world', 'anyone'))];

const CONNECTED = 2;
const SESSION_EXPIRED = -3;
const DISCONNECTED = 0;

export interface ZooKeeperClientConfig {
  /** One `host:port`. */
  readonly server: string;
  readonly sessionTimeoutMs: number;
  readonly resume: SessionTicket | undefined;
  /** `user:password` of the digest scheme; undefined = znodes are created open to everybody. */
  readonly auth: string | undefined;
}

export class ZooKeeperClient {
  readonly #listener: ZooKeeperClientListener;
  readonly #library: Client;
  readonly #connection: LibraryConnection;
  readonly #pending = new Set<() => void>();
  readonly #over: Promise<void>;
  #setOver: () => void = () => undefined;
  #acl = OPEN;
  #phase: 'connecting' | 'open' | 'closing' | 'over' = 'connecting';
  /** One function for all watches: the library keeps one entry for it per path. */
  readonly #onWatch = (event: { getPath(): string }): void => {
    if (this.#phase === 'open') this.#listener.changed(event.getPath());
  };

  constructor(listener: ZooKeeperClientListener, config: ZooKeeperClientConfig) {
    this.#listener = listener;
    this.#over = new Promise((resolve) => (this.#setOver = resolve));
    const options = { sessionTimeout: config.sessionTimeoutMs, spinDelay: 0, retries: 0 };
    const resume = config.resume && { sessionId: config.resume.id, sessionPassword: config.resume.password };
    this.#library = createClient(config.server, { ...options, ...resume });
    this.#connection = (this.#library as Client & { connectionManager: LibraryConnection }).connectionManager;
    config.resume?.lastZxid.copy(this.#connection.zxid);
    if (config.auth !== undefined) {
      // Goes out first on the connection: nothing else is queued before the handshake is answered.
      this.#library.addAuthInfo('digest', Buffer.from(config.auth));
      this.#acl = [new ACL(Permission.ALL, new Id('auth', ''))];
    }
  }

  connect(): void {
    const connection = this.#connection;
    const parse = connection.onSocketData.bind(connection);
    connection.onSocketData = (chunk) => this.#contain(() => parse(chunk));
    connection.on('state', (state: number) => this.#onState(state));
    connection.connect();
    connection.connect = () => undefined;
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  get sessionId(): bigint {
    return this.#library.getSessionId().readBigInt64BE();
  }

  /** As negotiated: the server moves what was asked for into its own bounds. */
  get timeoutMs(): number {
    return this.#library.getSessionTimeout();
  }

  get ticket(): SessionTicket {
    const lastZxid = Buffer.from(this.#connection.zxid);
    return { id: this.#library.getSessionId(), password: this.#library.getSessionPassword(), lastZxid };
  }

  /** Errors of this and all calls below: `CoordinationError`; at once when the connection is not open. */
  createPersistent(path: string, data: Buffer): Promise<void> {
    return this.#create(path, data, CreateMode.PERSISTENT, this.#acl);
  }

  /** Open to everybody also when this client is authenticated: for what clusters share. */
  createOpen(path: string, data: Buffer): Promise<void> {
    return this.#create(path, data, CreateMode.PERSISTENT, OPEN);
  }

  /** An answer that was lost leaves a znode of this session: look for it before creating again. */
  createEphemeral(path: string, data: Buffer): Promise<void> {
    return this.#create(path, data, CreateMode.EPHEMERAL, this.#acl);
  }

  /** Undefined when absent. With `watch`, the listener hears of its creation, change or deletion. */
  stat(path: string, watch = false): Promise<ZnodeStat | undefined> {
    return this.#call(path, (done) => {
      const found = (error: LibraryError | null, stat: Stat | null | undefined): void => {
        done(error, stat ? toStat(stat) : undefined);
      };
      if (watch) this.#library.exists(path, this.#onWatch, found);
      else this.#library.exists(path, found);
    });
  }

  /** Undefined when absent. With `watch`, the listener hears of its change or deletion if it is there. */
  async read(path: string, watch = false): Promise<Znode | undefined> {
    try {
      return await this.#call<Znode>(path, (done) => {
        const found = (error: LibraryError | null, data: Buffer | undefined, stat: Stat): void => {
          if (error) done(error);
          else done(null, { ...toStat(stat), data: data ?? Buffer.alloc(0) });
        };
        if (watch) this.#library.getData(path, this.#onWatch, found);
        else this.#library.getData(path, found);
      });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Names of the children, in no order. With `watch`, the listener hears when one comes or goes. */
  children(path: string, watch = false): Promise<readonly string[]> {
    return this.#call(path, (done) => {
      const found = (error: LibraryError | null, names: string[]): void => done(error, names);
      if (watch) this.#library.getChildren(path, this.#onWatch, found);
      else this.#library.getChildren(path, found);
    });
  }

  /** Writes if the version is still `version`, -1 = whatever it is. Errors: `CJ_ZK_BAD_VERSION`, `CJ_ZK_NO_NODE`. */
  write(path: string, data: Buffer, version: number): Promise<void> {
    return this.#call(path, (done) => this.#library.setData(path, data, version, (error) => done(error)));
  }

  /** Deletes if the version is still `version`, -1 = whatever it is. Errors: `CJ_ZK_BAD_VERSION`, `CJ_ZK_NO_NODE`. */
  remove(path: string, version: number): Promise<void> {
    return this.#call(path, (done) => this.#library.remove(path, version, (error) => done(error)));
  }

  /** Ends the session, and with it its ephemerals, at once. Resolves when the server has done so or the connection is over. */
  closeSession(): Promise<void> {
    if (this.#phase === 'open') {
      this.#phase = 'closing';
      this.#library.close();
    } else if (this.#phase === 'connecting') this.abandon();
    return this.#over;
  }

  /** Drops the connection without ending the session; the listener hears nothing more. Idempotent. */
  abandon(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#connection.removeAllListeners('state');
    clearTimeout(this.#connection.connectTimeoutHandler ?? undefined);
    this.#connection.socket?.destroy();
    // The socket is made one tick after `connect`.
    process.nextTick(() => {
      clearTimeout(this.#connection.connectTimeoutHandler ?? undefined);
      this.#connection.socket?.destroy();
    });
    for (const reject of [...this.#pending]) reject();
    this.#setOver();
  }

  #create(path: string, data: Buffer, mode: number, acl: ACL[]): Promise<void> {
    return this.#call(path, (done) => this.#library.create(path, data, acl, mode, (error) => done(error)));
  }

  /** Settles by the library's answer or when the connection is over, whichever comes first. */
  #call<T>(path: string, send: (done: (error: LibraryError | null, value?: T) => void) => void): Promise<T> {
    if (this.#phase !== 'open') return Promise.reject(disconnected(path));
    return new Promise((resolve, reject) => {
      const rejectLost = (): void => reject(disconnected(path));
      this.#pending.add(rejectLost);
      send((error, value) => {
        this.#pending.delete(rejectLost);
        if (error) reject(translate(error, path));
        else resolve(value as T);
      });
    });
  }

  #onState(state: number): void {
    if (state === CONNECTED) {
      this.#phase = 'open';
      this.#listener.opened();
    } else if (state === SESSION_EXPIRED) {
      this.#finish(() => this.#listener.expired());
    } else if (state === DISCONNECTED) {
      this.#finish((loss) => this.#listener.lost(loss));
    }
  }

  /** An answer that cannot be read says nothing about those behind it either. */
  #contain(parse: () => void): void {
    if (this.#phase === 'over') return;
    try {
      parse();
    } catch {
      this.#finish(() => this.#listener.lost('garbled'));
    }
  }

  #finish(report: (loss: ConnectionLoss) => void): void {
    const loss = this.#describeLoss();
    const isAskedFor = this.#phase === 'closing' || this.#phase === 'over';
    this.abandon();
    if (!isAskedFor) report(loss);
  }

  #describeLoss(): ConnectionLoss {
    if (this.#phase === 'open') return 'closed';
    return (this.#connection.socket?.bytesWritten ?? 0) > 0 ? 'refused' : 'unreachable';
  }
}

function toStat(stat: Stat): ZnodeStat {
  return { version: stat.version, ephemeralOwner: stat.ephemeralOwner.readBigInt64BE() };
}

function isMissing(error: unknown): boolean {
  return error instanceof CoordinationError && error.code === 'CJ_ZK_NO_NODE';
}

function disconnected(path: string): CoordinationError {
  return new CoordinationError('CJ_ZK_DISCONNECTED', `ZooKeeper connection lost or not open: ${path}`, {
    details: { path },
  });
}

function translate(error: LibraryError, path: string): CoordinationError {
  const options = { details: { path }, cause: error };
  switch (error instanceof Exception ? error.getCode() : undefined) {
    case Exception.NO_NODE:
      return new CoordinationError('CJ_ZK_NO_NODE', `no znode ${path}`, options);
    case Exception.NODE_EXISTS:
      return new CoordinationError('CJ_ZK_NODE_EXISTS', `znode ${path} exists`, options);
    case Exception.BAD_VERSION:
      return new CoordinationError('CJ_ZK_BAD_VERSION', `znode ${path} has another version`, options);
    case Exception.SESSION_EXPIRED:
      return new CoordinationError('CJ_ZK_SESSION_EXPIRED', `session expired: ${path}`, options);
    case Exception.CONNECTION_LOSS:
      return new CoordinationError('CJ_ZK_DISCONNECTED', `ZooKeeper connection lost: ${path}`, options);
    default:
      return new CoordinationError('CJ_ZK_REFUSED', `ZooKeeper refused ${path}: ${error.name}`, options);
  }
}
