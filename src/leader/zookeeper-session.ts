import { CoordinationError } from '../domain/errors.js';
import { delay, type CancelTimer, type Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import {
  ZooKeeperClient,
  type ConnectionLoss,
  type SessionTicket,
  type ZooKeeperClientConfig,
  type ZooKeeperClientListener,
} from './zookeeper-client.js';
import { parseZooKeeperServers } from './zookeeper-servers.js';

/**
 * Keeps one ZooKeeper session alive over as many connections as that takes, and knows how long it may be
 * relied upon.
 *
 *   connecting ──handshake answered──▶ connected ──no answer │ closed │ trust passed──▶ connecting
 *       │                                                                                  ▲
 *       └── session refused as expired: forgotten, a new one is asked for ─────────────────┘
 *
 * T is the session timeout as the server granted it.
 * - A heartbeat is sent every T/6: a write, because a server that is cut off from its ensemble goes on
 *   answering reads while the ensemble expires the session. Its answer moves `trustedUntil` to the instant
 *   of its *sending* + 2/3 T; a slow answer does not stretch trust.
 * - No answer within T/3, or a handshake that takes longer, ends the connection; the next server is tried
 *   with the same session. Answers come in order, so by then every call before it is settled too.
 * - A handshake without an answer after trust has passed gives the session up: asking for it would prolong it.
 * - "connected" implies trusted: when trust passes first (this process stood still), the connection goes.
 * - A connection that is not the current one is never heard again.
 *
 * Source of the trust window: the leadership design of riverqueue/river; of the states: Apache Curator.
 */
export interface SessionListener {
  /** A connection is open. `resumed` = still the session of the one before, so its ephemerals exist. Watches are gone. */
  connected(resumed: boolean): void;
  /** Until the next `connected` nothing is known: stop acting on behalf of the session. */
  disconnected(): void;
  /** The session is over and its ephemerals are gone or never needed again; `connected` with a new one follows. */
  expired(): void;
  /** What was read with a watch has changed. */
  changed(path: string): void;
}

export interface ZooKeeperSessionConfig {
  /** `host:port,host:port`. */
  readonly servers: string;
  /** Asked for; the server moves it into its bounds (by default 2 to 20 of its ticks). */
  readonly sessionTimeoutMs: number;
  /** Written, without data, by every heartbeat. Nothing may depend on the znode; it need not exist. */
  readonly heartbeatPath: string;
  /** `user:password` of the digest scheme: what is created is then closed to everybody else. */
  readonly auth?: string | undefined;
}

export interface ZooKeeperSessionDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly probe: Probe;
  readonly listener: SessionListener;
  readonly newClient?: NewZooKeeperClient | undefined;
}

/** How connections are made: by `ZooKeeperClient`, unless somebody else keeps its promises. */
export type NewZooKeeperClient = (listener: ZooKeeperClientListener, config: ZooKeeperClientConfig) => ZooKeeperClient;

const FIRST_RETRY_MS = 20;
/** Handshakes in a row that the servers cut off before a session is given up that they may refuse for ever. */
const REFUSALS_BEFORE_NEW_SESSION = 3;

export class ZooKeeperSession extends Service {
  readonly name = 'zookeeper-session';
  readonly #deps: ZooKeeperSessionDeps;
  readonly #config: ZooKeeperSessionConfig;
  readonly #servers: readonly string[];
  #client: ZooKeeperClient | undefined;
  #ticket: SessionTicket | undefined;
  #sessionId: bigint | undefined;
  #timeoutMs: number;
  #trustedUntil = Number.NEGATIVE_INFINITY;
  #attempts: number;
  /** `connected` was told, `disconnected` not yet. */
  #isConnected = false;
  /** Connections that ended or did not come about since the last answered heartbeat. */
  #failures = 0;
  #refusals = 0;
  #cancelHandshake: CancelTimer = () => undefined;
  #cancelTrust: CancelTimer = () => undefined;
  #cancelRetry: CancelTimer = () => undefined;
  /** Ends the wait for the next heartbeat. */
  #beating = new AbortController();
  readonly #events: (() => void)[] = [];
  #isDelivering = false;

  /** Errors: `ConfigError` for an address that cannot be used. */
  constructor(deps: ZooKeeperSessionDeps, config: ZooKeeperSessionConfig) {
    super();
    this.#deps = deps;
    this.#config = config;
    this.#servers = parseZooKeeperServers(config.servers);
    this.#attempts = Math.floor(Math.random() * this.#servers.length);
    this.#timeoutMs = config.sessionTimeoutMs;
  }

  /** The open connection; what is called on it fails as soon as it is no longer the current one. */
  get client(): ZooKeeperClient | undefined {
    return this.#client?.isOpen === true ? this.#client : undefined;
  }

  /** Of the session that is or was in use; undefined before the first and after an expired one. */
  get sessionId(): bigint | undefined {
    return this.#sessionId;
  }

  /** Granted by the server at the last handshake. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Monotonic instant up to which the session certainly lives as far as this process can know. */
  get trustedUntil(): number {
    return this.#trustedUntil;
  }

  /** May be acted upon what was done over this connection? */
  isTrusted(client: ZooKeeperClient): boolean {
    return this.#client === client && client.isOpen && this.#deps.clock.monotonicNow() < this.#trustedUntil;
  }

  /** Resolves at once: that a connection is there is said by `connected`. */
  protected onStart(): Promise<void> {
    this.#connect();
    return Promise.resolve();
  }

  /** Ends the session on the server if it can be reached within T/3, at most 1 s. */
  protected async onStop(): Promise<void> {
    this.#cancelTimers();
    const client = this.#client;
    if (client === undefined) return;
    const cancel = this.#deps.clock.setTimer(Math.min(this.#timeoutMs / 3, 1000), () => client.abandon());
    await client.closeSession();
    cancel();
    this.#client = undefined;
  }

  #connect(): void {
    const startedAt = this.#deps.clock.monotonicNow();
    const server = this.#servers[this.#attempts++ % this.#servers.length] ?? '';
    const { newClient = (listener, config) => new ZooKeeperClient(listener, config) } = this.#deps;
    const client: ZooKeeperClient = newClient(
      {
        opened: () => this.#opened(client, startedAt, server),
        expired: () => this.#forgetSession(client),
        lost: (cause) => this.#lost(client, cause),
        changed: (path) => this.#tell(() => this.#deps.listener.changed(path)),
      },
      { server, sessionTimeoutMs: this.#config.sessionTimeoutMs, resume: this.#ticket, auth: this.#config.auth },
    );
    this.#client = client;
    this.#cancelHandshake = this.#deps.clock.setTimer(this.#timeoutMs / 3, () => this.#drop(client, 'silent'));
    client.connect();
  }

  #opened(client: ZooKeeperClient, startedAt: number, server: string): void {
    this.#cancelHandshake();
    const { sessionId } = client;
    const resumed = sessionId === this.#sessionId;
    this.#sessionId = sessionId;
    this.#timeoutMs = client.timeoutMs;
    this.#isConnected = true;
    this.#refusals = 0;
    this.#trust(startedAt);
    this.#deps.logger.info('zookeeper-connected', { server, sessionId: sessionId.toString(16), resumed });
    this.#tell(() => this.#deps.listener.connected(resumed));
    this.#watchTrust(client);
    this.#beating = new AbortController();
    void this.#beat(client, this.#beating.signal);
  }

  /** Runs as long as the connection is the current one. */
  async #beat(client: ZooKeeperClient, ended: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (this.#client === client && !ended.aborted) {
      const sentAt = clock.monotonicNow();
      if (sentAt >= this.#trustedUntil) return this.#drop(client, 'untrusted');
      const cancel = this.#onSilence(() => this.#drop(client, 'silent'));
      const isAlive = await client.write(this.#config.heartbeatPath, Buffer.alloc(0), -1).then(
        () => true,
        // Any refusal but one proves that the session lives.
        (error: unknown) => client.isOpen && !isExpired(error),
      );
      cancel();
      if (this.#client !== client) return;
      if (!isAlive) return this.#drop(client, 'expired');
      this.#failures = 0;
      this.#trust(sentAt);
      this.#deps.probe.signal('heartbeat-answered', { sentAt });
      await delay(clock, this.#timeoutMs / 6 - (clock.monotonicNow() - sentAt), ended);
    }
  }

  /** After a standstill of this process the timer comes before the answer that waits in the socket: look there first. */
  #onSilence(fn: () => void): CancelTimer {
    const { clock } = this.#deps;
    let cancel = clock.setTimer(this.#timeoutMs / 3, () => (cancel = clock.setTimer(0, fn)));
    return () => cancel();
  }

  #trust(sentAt: number): void {
    this.#trustedUntil = sentAt + (this.#timeoutMs * 2) / 3;
  }

  #watchTrust(client: ZooKeeperClient): void {
    const leftMs = this.#trustedUntil - this.#deps.clock.monotonicNow();
    if (leftMs <= 0) this.#drop(client, 'untrusted');
    else this.#cancelTrust = this.#deps.clock.setTimer(leftMs, () => this.#watchTrust(client));
  }

  #drop(client: ZooKeeperClient, cause: 'silent' | 'untrusted' | 'expired'): void {
    if (this.#client !== client) return;
    this.#keepTicket(client);
    client.abandon();
    this.#ended(cause);
  }

  #lost(client: ZooKeeperClient, cause: ConnectionLoss): void {
    if (this.#client !== client) return;
    this.#keepTicket(client);
    if (cause === 'refused') this.#refusals += 1;
    this.#ended(cause);
  }

  #ended(cause: ConnectionLoss | 'silent' | 'untrusted' | 'expired'): void {
    this.#client = undefined;
    this.#cancelTimers();
    this.#failures += 1;
    if (this.#isConnected) {
      this.#isConnected = false;
      this.#deps.logger.warn('zookeeper-disconnected', { cause });
      this.#tell(() => this.#deps.listener.disconnected());
    } else if (this.#failures === this.#servers.length + 1) {
      this.#deps.logger.warn('zookeeper-unreachable', { servers: this.#servers, cause });
    }
    this.#giveUpRefusedSession();
    if (cause === 'silent') this.#giveUpUnheardSession();
    if (!this.stopSignal.aborted)
      this.#cancelRetry = this.#deps.clock.setTimer(this.#retryDelayMs(), () => this.#connect());
  }

  #forgetSession(client: ZooKeeperClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#cancelTimers();
    this.#dropSession('expired');
    if (!this.stopSignal.aborted) this.#connect();
  }

  /** An ensemble whose data was lost cannot have seen what this session saw and would turn it away for ever. */
  #giveUpRefusedSession(): void {
    const silentMs = this.#deps.clock.monotonicNow() - this.#trustedUntil;
    if (this.#refusals < REFUSALS_BEFORE_NEW_SESSION || silentMs < 2 * this.#timeoutMs) return;
    if (this.#ticket !== undefined) this.#dropSession('refused');
  }

  /**
   * Where requests arrive and answers do not, every handshake would keep the session alive on the server, and with it
   * ephemerals that nobody acts for. Once trust has passed, the session is left to expire.
   */
  #giveUpUnheardSession(): void {
    if (this.#ticket !== undefined && this.#deps.clock.monotonicNow() >= this.#trustedUntil) {
      this.#dropSession('unheard');
    }
  }

  #dropSession(cause: 'expired' | 'refused' | 'unheard'): void {
    this.#ticket = undefined;
    this.#sessionId = undefined;
    this.#refusals = 0;
    this.#deps.logger.warn('zookeeper-session-over', { cause });
    this.#tell(() => this.#deps.listener.expired());
  }

  #keepTicket(client: ZooKeeperClient): void {
    if (this.#sessionId !== undefined && client.sessionId === this.#sessionId) this.#ticket = client.ticket;
  }

  /** Every server once without a wait, then ever slower, at most T/4. */
  #retryDelayMs(): number {
    const rounds = Math.floor((this.#failures - 1) / this.#servers.length);
    if (rounds === 0) return 0;
    return Math.min(FIRST_RETRY_MS * 2 ** (rounds - 1), this.#timeoutMs / 4) * (0.5 + Math.random() / 2);
  }

  #cancelTimers(): void {
    this.#cancelHandshake();
    this.#cancelTrust();
    this.#cancelRetry();
    this.#beating.abort();
  }

  /** In order, one at a time: a listener that causes the next event has dealt with its own first. */
  #tell(event: () => void): void {
    this.#events.push(event);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      try {
        next();
      } catch (error) {
        this.#deps.logger.error('session-listener-failed', { error });
      }
    }
    this.#isDelivering = false;
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof CoordinationError && error.code === 'CJ_ZK_SESSION_EXPIRED';
}
