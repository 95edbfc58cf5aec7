import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Probe } from '../runtime/probe.js';
import type { Acknowledgements } from './acknowledgements.js';
import { DeviceAcknowledger } from './device-acknowledger.js';
import { FrameAllowance } from './frame-allowance.js';
import { Heartbeat, type HeartbeatConfig } from './heartbeat.js';
import type { Visited } from './heartbeat-wheel.js';
import type { Mailbox, MailboxPage, NodeEvent, Position, Route, UserRef } from './mailbox.js';
import { toWireMessage, type Message } from './message.js';
import { parseClientFrame, type ClientFrame, type CloseCode, type ServerFrame } from './protocol.js';
import type { Tickets } from './tickets.js';
import type { Transport } from './transports/transport.js';

export interface ConnectionDeps {
  readonly transport: Transport;
  readonly mailbox: Mailbox;
  readonly acknowledgements: Acknowledgements;
  readonly tickets: Tickets;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly probe: Probe;
  /** Called once, when nothing more is sent; the route is still being removed. */
  readonly onClosed: (connection: Connection) => void;
}

export interface ConnectionConfig {
  readonly id: string;
  readonly node: string;
  readonly user: UserRef;
  readonly ticketExpiresAt: EpochMs;
  readonly timing: ConnectionTiming;
}

export interface ConnectionTiming extends HeartbeatConfig {
  /** Time from opening to `hello`. @default 10000 */
  readonly helloMs: DurationMs;
}

export const DEFAULT_CONNECTION_TIMING: ConnectionTiming = { helloMs: 10_000, pingMs: 25_000, pongMs: 10_000 };

/** Messages in one page of backlog: at their largest they stay below `MAX_BUFFERED_BYTES`. */
const PAGE_SIZE = 25;
/** A client for which more than this waits in the process reads too slowly and is closed. */
export const MAX_BUFFERED_BYTES = 1_048_576;
/** Longest time that a client may take for one page of backlog. */
const MAX_FLUSH_MS = 60_000;

/**
 * One connection of a user, whatever carries it.
 *
 *   waiting ──hello──▶ catching up ◀──gap, sync, new epoch── live        any ──▶ closed
 *                           └───────all that was heard of is sent───▶ live
 *
 * Nothing is lost or sent twice because the route is written before the mailbox is read, appending reads the
 * routes in the step that stores, and live messages are sent only if they follow directly on what was sent.
 * Live messages that arrive while the mailbox is being read are only remembered by number: if the read did not
 * include them, it is repeated. Thus a hole, whatever made it, is always filled from the mailbox.
 */
export class Connection implements Visited {
  readonly #deps: ConnectionDeps;
  readonly #config: ConnectionConfig;
  readonly #openedAt: number;
  #state: 'waiting' | 'catching-up' | 'live' | 'closed' = 'waiting';
  #route: Route | undefined;
  #routeWritten: Promise<unknown> = Promise.resolve();
  #removed: Promise<void> | undefined;
  /** Everything up to here was sent; undefined before the first read. */
  #position: Position | undefined;
  /** Something beyond the position was heard of since the running read began. */
  #heard: Position | undefined;
  #ticketExpiresAt: EpochMs;
  #flushingSince: number | undefined;
  readonly #heartbeat: Heartbeat;
  readonly #allowance: FrameAllowance;
  #acknowledger: DeviceAcknowledger | undefined;

  constructor(deps: ConnectionDeps, config: ConnectionConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#openedAt = deps.clock.monotonicNow();
    this.#heartbeat = new Heartbeat(deps, config.timing);
    this.#allowance = new FrameAllowance(deps);
    this.#ticketExpiresAt = config.ticketExpiresAt;
  }

  get user(): UserRef {
    return this.#config.user;
  }

  get transport(): Transport {
    return this.#deps.transport;
  }

  /** For keeping the route alive; undefined while there is none. */
  get refresh(): { route: Route; position: Position } | undefined {
    if (this.#state === 'closed' || this.#route === undefined || this.#position === undefined) return undefined;
    return { route: this.#route, position: this.#position };
  }

  /** Starts the stream. The caller has registered the connection, so that `deliver` is called from now on. */
  async open(device: string, position: Position | undefined): Promise<void> {
    const { mailbox, metrics, transport } = this.#deps;
    const { id, node, user } = this.#config;
    if (this.#state !== 'waiting') return this.close(4000);
    this.#state = 'catching-up';
    this.#route = { connection: id, node, transport: transport.kind, device };
    this.#acknowledger = new DeviceAcknowledger(this.#deps, { user, device });
    try {
      const written = mailbox.putRoute(user, this.#route, position);
      this.#routeWritten = written.catch(() => undefined);
      if ((await written).outcome === 'limit') return this.close(4104);
      const page = await mailbox.read(user, { after: position, device, limit: PAGE_SIZE });
      if (this.#isClosed()) return;
      if (position !== undefined) metrics.resumes.inc({ recovered: String(page.recovered) });
      this.#send(this.#readyFrame(page));
      await this.#catchUp(page);
    } catch (error) {
      this.#fail('connection-not-opened', error);
    }
  }

  /** A text from the client. */
  receive(text: string): void {
    if (this.#state === 'closed') return;
    this.#heartbeat.heard();
    if (!this.#allowance.take()) return this.close(4103);
    const frame = parseClientFrame(text);
    if (frame === null) return this.close(4000);
    this.#handle(frame);
  }

  /** Something happened to the user's mailbox. May be called before `open`. */
  deliver(event: NodeEvent): void {
    if (event.type === 'receipt') {
      const { epoch, seq, kind, device } = event;
      if (this.#state === 'live') this.#send({ type: 'receipt', epoch, seq, kind, device });
      return;
    }
    const seq = event.type === 'message' ? event.message.seq : event.seq;
    const isNext = this.#position?.epoch === event.epoch && seq === this.#position.seq + 1;
    if (this.#state === 'live' && event.type === 'message' && isNext) this.#sendLive(event.epoch, event.message);
    else this.reachTo({ epoch: event.epoch, seq });
  }

  /** The mailbox goes up to `top`: reads whatever is missing. */
  reachTo(top: Position): void {
    if (this.#state === 'catching-up') this.#heard = later(this.#heard, top);
    if (this.#state !== 'live' || this.#covers(top)) return;
    this.#deps.probe.signal('connection-gap', { connection: this.#config.id });
    this.#readOn();
  }

  /** The heartbeat: checks what only time shows, and returns when to look again. */
  visit(): DurationMs | null {
    if (this.#state === 'closed') return null;
    const { clock, transport } = this.#deps;
    const ticketMs = this.#ticketExpiresAt - clock.now();
    if (ticketMs <= 0) return this.#end(4002);
    if (transport.bufferedBytes() > MAX_BUFFERED_BYTES || this.#isStuck()) return this.#end(4101);
    if (this.#state === 'waiting') {
      const helloLeftMs = this.#openedAt + this.#config.timing.helloMs - clock.monotonicNow();
      return helloLeftMs <= 0 ? this.#end(4000) : helloLeftMs;
    }
    const { action, againInMs } = this.#heartbeat.check(transport.answersPings);
    if (action === 'silent') return this.#end(4102);
    if (action === 'ping') this.#send({ type: 'ping' });
    return Math.min(againInMs, ticketMs);
  }

  /** Asks the client to connect elsewhere within `delayMs`. */
  move(delayMs: DurationMs): void {
    this.#send({ type: 'moved', delayMs });
  }

  close(code: CloseCode): void {
    if (this.#state === 'closed') return;
    this.#deps.metrics.closes.inc({ code: String(code) });
    this.#deps.transport.close(code);
    this.lost();
  }

  /** The line is gone. Idempotent. */
  lost(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#removed = this.#removeRoute();
    this.#deps.onClosed(this);
  }

  /** Resolves once the route of a closed connection is removed, or could not be. */
  async gone(): Promise<void> {
    await this.#removed;
  }

  #handle(frame: ClientFrame): void {
    switch (frame.type) {
      case 'hello':
        void this.open(frame.device, frame.position);
        return;
      case 'ack':
        this.#acknowledger?.acknowledge({ epoch: frame.epoch, seq: frame.seq });
        return;
      case 'receipt':
        this.#record(frame);
        return;
      case 'sync':
        if (this.#state === 'live' && this.#position !== undefined && frame.seq < this.#position.seq) {
          this.#position = { ...this.#position, seq: frame.seq };
          this.#readOn();
        }
        return;
      case 'refresh':
        this.#renew(frame.ticket);
        return;
      case 'pong':
        return;
    }
  }

  #readOn(): void {
    const { mailbox } = this.#deps;
    this.#state = 'catching-up';
    this.#heard = undefined;
    mailbox
      .read(this.user, { after: this.#position, limit: PAGE_SIZE })
      .then((page) => this.#catchUp(page))
      .catch((error: unknown) => this.#fail('backlog-not-read', error));
  }

  /** Sends pages until everything that was heard of is sent; then live messages may go out directly. */
  async #catchUp(first: MailboxPage): Promise<void> {
    const { mailbox, transport, clock, probe } = this.#deps;
    for (let page = first; !this.#isClosed();) {
      this.#sendPage(page);
      // A page at a time: a slow client delays its own backlog instead of filling the process.
      this.#flushingSince = clock.monotonicNow();
      await transport.flushed();
      this.#flushingSince = undefined;
      const isComplete = page.through >= page.top;
      if (isComplete && (this.#heard === undefined || this.#covers(this.#heard))) {
        if (!this.#isClosed()) this.#state = 'live';
        probe.signal('connection-live', { connection: this.#config.id, user: this.user.user });
        return;
      }
      this.#heard = undefined;
      page = await mailbox.read(this.user, { after: this.#position, limit: PAGE_SIZE });
    }
  }

  #sendPage(page: MailboxPage): void {
    const { epoch, from, top, recovered, earliest } = page;
    const previous = this.#position;
    if (previous !== undefined && (previous.epoch !== epoch || !recovered)) {
      this.#send({ type: 'reset', epoch, from, top, recovered: false, earliest });
    }
    this.#position = { epoch, seq: page.through };
    if (page.through === from) return;
    this.#deps.metrics.messagesSent.inc({ outcome: 'backlog' }, page.messages.length);
    this.#send({
      type: 'messages',
      epoch,
      after: from,
      through: page.through,
      items: page.messages.map(toWireMessage),
    });
  }

  #sendLive(epoch: string, message: Message): void {
    const { metrics, transport } = this.#deps;
    this.#position = { epoch, seq: message.seq };
    metrics.messagesSent.inc({ outcome: 'live' });
    this.#send({
      type: 'messages',
      epoch,
      after: message.seq - 1,
      through: message.seq,
      items: [toWireMessage(message)],
    });
    if (transport.bufferedBytes() > MAX_BUFFERED_BYTES) this.close(4101);
  }

  #record(frame: Extract<ClientFrame, { type: 'receipt' }>): void {
    const { acknowledgements, logger } = this.#deps;
    if (this.#route === undefined) return this.close(4000);
    acknowledgements
      .apply(this.user, { ...frame, device: this.#route.device })
      .catch((error: unknown) => logger.warn('receipt-not-written', { error }));
  }

  #renew(ticket: string): void {
    const check = this.#deps.tickets.check(ticket);
    const { namespace, user } = this.user;
    if (!check.valid || check.namespace !== namespace || check.user !== user) return this.close(4001);
    this.#ticketExpiresAt = check.expiresAt;
    this.#send({ type: 'refreshed', ticketMs: check.expiresAt - this.#deps.clock.now() });
  }

  #readyFrame({ epoch, from, top, recovered, earliest }: MailboxPage): ServerFrame {
    const { id, timing } = this.#config;
    const { pingMs, pongMs } = timing;
    const ticketMs = this.#ticketExpiresAt - this.#deps.clock.now();
    return { type: 'ready', connection: id, epoch, from, top, recovered, earliest, pingMs, pongMs, ticketMs };
  }

  #covers({ epoch, seq }: Position): boolean {
    return this.#position?.epoch === epoch && seq <= this.#position.seq;
  }

  /** Does not take even one page: found here where a client cannot answer pings. */
  #isStuck(): boolean {
    return this.#flushingSince !== undefined && this.#deps.clock.monotonicNow() - this.#flushingSince >= MAX_FLUSH_MS;
  }

  #send(frame: ServerFrame): void {
    if (this.#state !== 'closed') this.#deps.transport.send(frame);
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #end(code: CloseCode): null {
    this.close(code);
    return null;
  }

  #fail(event: string, error: unknown): void {
    if (this.#state === 'closed') return;
    this.#deps.logger.warn(event, { connection: this.#config.id, error });
    this.close(4100);
  }

  async #removeRoute(): Promise<void> {
    if (this.#route === undefined) return;
    await this.#routeWritten;
    await this.#deps.mailbox.removeRoute(this.user, this.#route).catch((error: unknown) => {
      // Its age ends it.
      this.#deps.logger.warn('route-not-removed', { connection: this.#config.id, error });
    });
    this.#deps.probe.signal('route-removed', { connection: this.#config.id });
  }
}

function later(a: Position | undefined, b: Position): Position {
  // Of two epochs the one heard of last is kept; a wrong guess costs one read.
  return a === undefined || a.epoch !== b.epoch || b.seq > a.seq ? b : a;
}
