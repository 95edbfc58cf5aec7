/**
 * A small browser client of the CloudJob comet protocol (docs/comet.md). No dependencies.
 *
 *   const comet = new CometClient({ url: location.origin, device: 'browser-1', getTicket: async () => '…' });
 *   comet.addEventListener('message', (event) => show(event.detail));
 *   comet.connect();
 *
 * It keeps a position in the user's sequence and resumes from it after every interruption, so that each message
 * is dispatched once, in order. Events:
 *   message  detail = {seq, epoch, key, title, body?, data?, scheduledAt?, sentAt, expiresAt}
 *   receipt  detail = {seq, epoch, kind, device}: what the user did with a message on another device
 *   loss     detail = {earliest}: the server has lost messages, or kept too few; it starts over, honestly
 *   state    detail = {state: 'connecting' | 'live' | 'waiting' | 'stopped', reason?, retryInMs?}
 */

const BACKOFF = { baseMs: 500, maxMs: 60_000, factor: 1.8, jitter: 0.5 };
/** Acknowledgements are cumulative; one after so long says it for all before. */
const ACK_DELAY_MS = 1000;
/** A connection that has lasted so long was a success: waiting starts from the beginning. */
const STABLE_MS = 10_000;
/** How long before its end a ticket is renewed, at most. */
const RENEW_AHEAD_MS = 60_000;
const RECEIPTS_PER_SECOND = 10;
const CONNECT_TIMEOUT_MS = 15_000;
const TICKET_EXPIRED = 4002;

export class CometClient extends EventTarget {
  #options;
  #socket = null;
  #ticket = null;
  #position;
  #attempt = 0;
  #isWanted = false;
  #acked = 0;
  #isReady = false;
  #receipts = [];
  #timers = new Map();
  #silenceMs = CONNECT_TIMEOUT_MS;

  /**
   * @param {object} options
   * @param {string | ((ticket: string) => Promise<string>)} options.url origin of a comet node, or how to find one (see the gate)
   * @param {string} options.device stable name of this device, 1 to 128 of A-Z a-z 0-9 . _ -
   * @param {() => Promise<string>} options.getTicket gives a ticket; asked again when the last one has ended
   * @param {{epoch: string, seq: number}} [options.position] where to go on; default: what the device acknowledged
   */
  constructor(options) {
    super();
    this.#options = options;
    this.#position = options.position ?? null;
  }

  /** Where the client stands: {epoch, seq}, or null before the first contact. */
  get position() {
    return this.#position === null ? null : { ...this.#position };
  }

  connect() {
    if (this.#isWanted) return;
    this.#isWanted = true;
    addEventListener('online', this.#onOnline);
    addEventListener('offline', this.#onOffline);
    void this.#open();
  }

  close() {
    this.#stop('closed');
  }

  /** Tells what the user did with a message: displayed, clicked, snoozed or dismissed. Waits for a connection if need be. */
  receipt({ epoch, seq }, kind) {
    this.#receipts.push({ type: 'receipt', epoch, seq, kind });
    this.#sendReceipts();
  }

  async #open() {
    this.#clearTimers();
    this.#drop();
    this.#setState('connecting');
    let url;
    try {
      this.#ticket ??= await this.#options.getTicket();
      url = typeof this.#options.url === 'function' ? await this.#options.url(this.#ticket) : this.#options.url;
    } catch (error) {
      if (this.#isWanted) this.#retry('unreachable');
      return;
    }
    if (!this.#isWanted || this.#socket !== null) return;
    const address = new URL('/v1/comet', url);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address, ['cloudjob.v1', `cloudjob.ticket.${this.#ticket}`]);
    this.#socket = socket;
    this.#silenceMs = CONNECT_TIMEOUT_MS;
    this.#expectLife();
    socket.onopen = () => {
      const position = this.#position === null ? {} : { position: this.#position };
      this.#send({ type: 'hello', device: this.#options.device, ...position });
    };
    // Events of a socket that was given up are not ours any more.
    socket.onmessage = (event) => this.#socket === socket && this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => this.#socket === socket && this.#onClosed(event.code, event.reason);
  }

  #receive(frame) {
    this.#handle(frame);
    this.#expectLife();
  }

  #handle(frame) {
    switch (frame.type) {
      case 'ready':
        this.#start(frame);
        this.#silenceMs = frame.pingMs + frame.pongMs;
        this.#renewIn(frame.ticketMs);
        this.#setTimer('stable', STABLE_MS, () => (this.#attempt = 0));
        this.#isReady = true;
        this.#sendReceipts();
        this.#setState('live');
        break;
      case 'reset':
        this.#start(frame);
        break;
      case 'messages':
        this.#take(frame);
        break;
      case 'receipt':
        this.#emit('receipt', frame);
        break;
      case 'ping':
        this.#send({ type: 'pong' });
        break;
      case 'refreshed':
        this.#renewIn(frame.ticketMs);
        break;
      case 'moved':
        this.#setTimer('move', frame.delayMs, () => void this.#open());
        break;
    }
  }

  /** The server says where it goes on from. */
  #start({ epoch, from, recovered, earliest }) {
    if (this.#position?.epoch !== epoch) this.#acked = 0;
    this.#position = { epoch, seq: from };
    this.#acknowledgeSoon();
    if (!recovered) this.#emit('loss', { earliest });
  }

  #take({ epoch, after, through, items }) {
    const position = this.#position;
    if (position === null || epoch !== position.epoch) return;
    if (after > position.seq) {
      this.#send({ type: 'sync', seq: position.seq });
      return;
    }
    for (const item of items) {
      if (item.seq > position.seq) this.#emit('message', { ...item, epoch });
    }
    position.seq = Math.max(position.seq, through);
    this.#acknowledgeSoon();
  }

  #acknowledgeSoon() {
    if (!this.#timers.has('ack')) this.#setTimer('ack', ACK_DELAY_MS, () => this.#acknowledge());
  }

  #acknowledge() {
    if (this.#position === null || this.#position.seq <= this.#acked) return;
    if (this.#send({ type: 'ack', ...this.#position })) this.#acked = this.#position.seq;
  }

  /** A few at a time: the server closes whoever floods it. */
  #sendReceipts() {
    if (!this.#isReady || this.#timers.has('receipts')) return;
    for (const receipt of this.#receipts.splice(0, RECEIPTS_PER_SECOND)) this.#send(receipt);
    if (this.#receipts.length > 0) this.#setTimer('receipts', 1000, () => this.#sendReceipts());
  }

  /** A connection on which nothing comes in is dead, whatever the socket believes. */
  #expectLife() {
    this.#setTimer('silence', this.#silenceMs, () => this.#onClosed(4102, ''));
  }

  #renewIn(ticketMs) {
    const delayMs = Math.max(ticketMs - RENEW_AHEAD_MS, ticketMs / 2);
    this.#setTimer('renew', Math.min(delayMs, 2 ** 31 - 1), async () => {
      try {
        this.#ticket = await this.#options.getTicket();
        this.#send({ type: 'refresh', ticket: this.#ticket });
      } catch {
        // The server closes when the ticket ends; then it is asked for again.
      }
    });
  }

  #onClosed(code, reasonText) {
    this.#drop();
    const advice = parseAdvice(reasonText);
    if (code === TICKET_EXPIRED) void this.#openWithNewTicket();
    else if (code >= 4000 && code < 4100) this.#stop(advice.reason ?? `refused (${code})`);
    else if (code >= 4200 && code < 4300) this.#wait(advice.delayMs + Math.random() * advice.jitterMs, advice.reason);
    else this.#retry(advice.reason ?? 'interrupted', advice.delayMs);
  }

  async #openWithNewTicket() {
    const old = this.#ticket;
    this.#ticket = await this.#options.getTicket().catch(() => null);
    if (this.#ticket === old) this.#stop('ticket-expired');
    else void this.#open();
  }

  /** Waits longer from time to time, and never in step with others. */
  #retry(reason, atLeastMs = 0) {
    const { baseMs, maxMs, factor, jitter } = BACKOFF;
    const fullMs = Math.min(baseMs * factor ** this.#attempt, maxMs);
    this.#attempt += 1;
    this.#wait(Math.max(fullMs * (1 - jitter * Math.random()), atLeastMs), navigator.onLine ? reason : 'offline');
  }

  #wait(delayMs, reason) {
    this.#clearTimers();
    this.#setState('waiting', { reason, retryInMs: Math.round(delayMs) });
    this.#setTimer('retry', delayMs, () => void this.#open());
  }

  #stop(reason) {
    this.#isWanted = false;
    removeEventListener('online', this.#onOnline);
    removeEventListener('offline', this.#onOffline);
    this.#clearTimers();
    this.#drop();
    this.#setState('stopped', { reason });
  }

  #onOnline = () => {
    if (this.#isWanted && this.#socket === null) void this.#open();
  };

  #onOffline = () => {
    this.#drop();
    this.#retry('offline');
  };

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#isReady = false;
    if (socket !== null) socket.close();
  }

  #send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #setTimer(name, delayMs, fn) {
    clearTimeout(this.#timers.get(name));
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      fn();
    }, delayMs);
    this.#timers.set(name, timer);
  }

  #clearTimers() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #setState(state, facts = {}) {
    this.#emit('state', { state, ...facts });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function parseAdvice(text) {
  try {
    const { reason, delayMs = 0, jitterMs = 0 } = JSON.parse(text);
    return { reason, delayMs, jitterMs };
  } catch {
    return { reason: undefined, delayMs: 0, jitterMs: 0 };
  }
}
