import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { randomBytes } from 'node:crypto';
import { WebSocketServer, type WebSocket } from 'ws';
import { RequestError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import { PeriodicLoop } from '../runtime/periodic-loop.js';
import type { Probe } from '../runtime/probe.js';
import { Service } from '../runtime/service.js';
import type { Unsubscribe } from '../store/execution-store.js';
import { NODE_ANNOUNCE_MS, type NodeRegistry } from '../store/node-registry.js';
import { untilReachable } from '../store/until-reachable.js';
import { Acknowledgements } from './acknowledgements.js';
import { chooseSubprotocol, readConnectRequest, type ConnectRequest } from './connect-request.js';
import { Connection, type ConnectionTiming } from './connection.js';
import { ConnectionTable } from './connection-table.js';
import { drainConnections } from './connection-drain.js';
import { HeartbeatWheel } from './heartbeat-wheel.js';
import { ROUTE_REFRESH_MS, type Mailbox } from './mailbox.js';
import { acknowledgementSchema } from './protocol.js';
import type { TicketCheck, Tickets } from './tickets.js';
import { endWith, refuseUpgrade, refuseWebSocket } from './refusals.js';
import { SseTransport } from './transports/sse.js';
import type { Transport } from './transports/transport.js';
import { WebSocketTransport } from './transports/websocket.js';

export interface CometDeps {
  readonly mailbox: Mailbox;
  readonly tickets: Tickets;
  readonly registry: NodeRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
}

export interface CometConfig {
  /** This process, new with every start: name of its channel and owner of its routes. */
  readonly node: string;
  /** Where clients reach this node, e.g. `http://10.0.0.7:7300`; the gate hands it out. */
  readonly url: () => string;
  /** Origins of pages on other hosts that may connect, e.g. `https://app.example.com`. */
  readonly allowedOrigins: readonly string[];
  /** Connections that this node takes. */
  readonly maxConnections: number;
  readonly timing: ConnectionTiming;
  /** Longest time over which connections are moved away at stop; shorter when there are few. */
  readonly drainMs: DurationMs;
}

export const COMET_PATH = '/v1/comet';
/** Large enough for a `refresh` with the longest ticket. */
const MAX_FRAME_BYTES = 4096;
const CLOSE_TIMEOUT_MS = 5000;
/** How long clients have at stop to answer a close frame. */
const GOODBYE_MS = 1000;
const REFRESH_BATCH = 500;

/**
 * Holds users' connections on this node. Bring it HTTP upgrades and requests for `COMET_PATH`; whose server it
 * is does not matter. Existing connections and pushes go on while ZooKeeper is away; without Redis connections
 * stay, but nothing can be resumed.
 */
export class CometService extends Service {
  readonly name = 'comet';
  readonly #deps: CometDeps;
  readonly #config: CometConfig;
  readonly #connections = new ConnectionTable();
  readonly #leaving = new Set<Promise<void>>();
  /** Lines that are not closed on the wire yet, also those whose connection has ended. */
  readonly #lines = new Map<Transport, Promise<void>>();
  readonly #wheel: HeartbeatWheel;
  readonly #refresher: PeriodicLoop;
  readonly #announcer: PeriodicLoop;
  readonly #acknowledgements: Acknowledgements;
  readonly #webSockets: WebSocketServer;
  #unsubscribe: Unsubscribe | undefined;
  #isDraining = false;

  constructor(deps: CometDeps, config: CometConfig) {
    super();
    const { clock, logger } = deps;
    this.#deps = deps;
    this.#config = config;
    this.#acknowledgements = new Acknowledgements(deps);
    this.#wheel = new HeartbeatWheel({ clock });
    this.#refresher = new PeriodicLoop(
      { clock, logger, runOnce: () => this.#refreshRoutes() },
      { name: 'comet-routes', intervalMs: ROUTE_REFRESH_MS },
    );
    this.#announcer = new PeriodicLoop(
      { clock, logger, runOnce: () => this.#announce() },
      { name: 'comet-announcer', intervalMs: NODE_ANNOUNCE_MS },
    );
    const options = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: chooseSubprotocol,
    };
    this.#webSockets = new WebSocketServer(options);
  }

  /** Takes an HTTP upgrade; the socket is this service's from now on. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const wanted = readConnectRequest(request, this.#config.allowedOrigins);
    if (wanted.path !== COMET_PATH) return refuseUpgrade(socket, '404 Not Found');
    if (!wanted.isOriginAllowed) return refuseUpgrade(socket, '403 Forbidden');
    if (!this.#hasRoom()) return refuseUpgrade(socket, '503 Service Unavailable');
    const check = this.#deps.tickets.check(wanted.ticket);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      // A page cannot read why an upgrade failed, but it can read a close code: hence refused only now.
      if (check.valid) this.#acceptWebSocket(webSocket, check);
      else refuseWebSocket(webSocket, check.reason === 'expired' ? 4002 : 4001);
    });
  }

  /** Answers GET `COMET_PATH` with a stream of events, and POST `COMET_PATH/ack`. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    const wanted = readConnectRequest(request, this.#config.allowedOrigins);
    if (wanted.origin !== undefined && wanted.isOriginAllowed) {
      response.setHeader('access-control-allow-origin', wanted.origin);
      response.setHeader('vary', 'origin');
    }
    if (request.method === 'GET' && wanted.path === COMET_PATH) this.#openStream(request, response, wanted);
    else endWith(response, 404);
  }

  /**
   * Takes what a device says by POST: `{"type": "ack" | "receipt", "device", "epoch", "seq", "kind"?}`. False when
   * the mailbox does not know the position. Errors: `CJ_UNAUTHENTICATED`, `ValidationError`.
   */
  async acknowledge(ticket: string, body: unknown): Promise<boolean> {
    const check = this.#deps.tickets.check(ticket);
    if (!check.valid) throw new RequestError('CJ_UNAUTHENTICATED', 'a valid ticket is required');
    return this.#acknowledgements.apply(check, parseInput(acknowledgementSchema, body));
  }

  protected async onStart(): Promise<void> {
    const { clock, mailbox } = this.#deps;
    this.#unsubscribe = await untilReachable({ clock, signal: this.stopSignal }, () =>
      mailbox.subscribe(this.#config.node, {
        onEvents: (events) => this.#connections.deliver(events),
        // What was published meanwhile is lost: compare every connection with its mailbox.
        onGap: () => this.#refresher.wake(),
      }),
    );
    await this.#wheel.start();
    await this.#refresher.start();
    await this.#announcer.start();
  }

  protected async onStop(): Promise<void> {
    this.#isDraining = true;
    await this.#announcer.stop();
    await this.#announce().catch(() => undefined);
    await drainConnections(this.#connections.all(), this.#deps.clock, this.#config.drainMs);
    await this.#refresher.stop();
    await this.#wheel.stop();
    await Promise.all(this.#leaving);
    await this.#endLines();
    await this.#unsubscribe?.();
    await this.#deps.registry.withdraw('comet', this.#config.node).catch((error: unknown) => {
      this.#deps.logger.warn('comet-not-withdrawn', { error });
    });
  }

  protected override details(): Readonly<Record<string, unknown>> {
    return { connections: this.#connections.size, draining: this.#isDraining };
  }

  #hasRoom(): boolean {
    return this.state === 'running' && !this.#isDraining && this.#connections.size < this.#config.maxConnections;
  }

  #acceptWebSocket(webSocket: WebSocket, check: TicketCheck & { valid: true }): void {
    const connection = this.#register(new WebSocketTransport(webSocket), check, webSocket);
    webSocket.on('message', (data, isBinary) => {
      if (isBinary) connection.close(4000);
      else connection.receive(textOf(data));
    });
    // The close event follows.
    webSocket.on('error', (error) => this.#deps.logger.debug('web-socket-error', { error }));
  }

  #openStream(request: IncomingMessage, response: ServerResponse, wanted: ConnectRequest): void {
    const check = this.#deps.tickets.check(wanted.ticket);
    if (!wanted.isOriginAllowed) return endWith(response, 403);
    if (!check.valid) return endWith(response, 401);
    if (!this.#hasRoom()) return endWith(response, 503);
    const connection = this.#register(new SseTransport(response), check, response);
    response.on('error', (error) => this.#deps.logger.debug('stream-error', { error }));
    void connection.open(wanted.device, wanted.position);
  }

  #register(
    transport: Transport,
    { namespace, user, expiresAt }: TicketCheck & { valid: true },
    line: { once(event: 'close', listener: () => void): unknown },
  ): Connection {
    const { mailbox, tickets, clock, logger, metrics, probe } = this.#deps;
    const { node, timing } = this.#config;
    const acknowledgements = this.#acknowledgements;
    const onClosed = (closed: Connection): void => this.#remove(closed);
    const connection = new Connection(
      { transport, mailbox, acknowledgements, tickets, clock, logger, metrics, probe, onClosed },
      {
        id: randomBytes(9).toString('base64url'),
        node,
        user: { namespace, user },
        ticketExpiresAt: expiresAt,
        timing,
      },
    );
    const closed = new Promise<void>((resolve) => line.once('close', resolve)).then(() => {
      this.#lines.delete(transport);
      connection.lost();
    });
    this.#lines.set(transport, closed);
    this.#connections.add(connection);
    metrics.connections.inc({ transport: transport.kind });
    this.#wheel.add(connection, Math.min(timing.helloMs, timing.pingMs, expiresAt - clock.now()));
    return connection;
  }

  #remove(connection: Connection): void {
    this.#connections.remove(connection);
    this.#deps.metrics.connections.dec({ transport: connection.transport.kind });
    const gone = connection.gone().finally(() => this.#leaving.delete(gone));
    this.#leaving.add(gone);
  }

  /** Keeps routes alive and finds what a broken subscription has swallowed. */
  async #refreshRoutes(): Promise<void> {
    const connections = this.#connections.all();
    for (let i = 0; i < connections.length; i += REFRESH_BATCH) {
      // Looked at only now: one that was closed since must not get its route back.
      const routed = connections.slice(i, i + REFRESH_BATCH).flatMap((connection) => {
        const refresh = connection.refresh;
        return refresh === undefined ? [] : [{ connection, refresh: { user: connection.user, ...refresh } }];
      });
      const states = await this.#deps.mailbox.refreshRoutes(routed.map(({ refresh }) => refresh));
      for (const [k, { epoch, top }] of states.entries()) routed[k]?.connection.reachTo({ epoch, seq: top });
    }
    this.#deps.probe.signal('routes-refreshed', { count: connections.length });
  }

  async #announce(): Promise<void> {
    const { node, maxConnections } = this.#config;
    const state = this.#isDraining ? 'draining' : 'up';
    await this.#deps.registry.announce('comet', node, {
      url: this.#config.url(),
      connections: this.#connections.size,
      maxConnections,
      state,
    });
  }

  /** Whoever does not take the goodbye in time is cut off, so that the server under us can close. */
  async #endLines(): Promise<void> {
    const cancel = this.#deps.clock.setTimer(GOODBYE_MS, () => {
      for (const line of this.#lines.keys()) line.destroy();
    });
    await Promise.all(this.#lines.values());
    cancel();
  }
}

function textOf(data: WebSocket.RawData): string {
  return Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data as Buffer).toString();
}
