import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** What the browser client does, on a WebSocket whose other end is the test. */

interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Client extends EventTarget {
  readonly position: { epoch: string; seq: number } | null;
  connect(): void;
  close(): void;
  receipt(message: { epoch: string; seq: number }, kind: string): void;
}

class FakeWebSocket {
  static readonly OPEN = 1;
  static all: FakeWebSocket[] = [];
  readyState = 0;
  readonly sent: Frame[] = [];
  readonly address: string;
  readonly protocols: readonly string[];
  onopen: (() => void) | undefined;
  onmessage: ((event: { data: string }) => void) | undefined;
  onclose: ((event: { code: number; reason: string }) => void) | undefined;

  constructor(address: URL, protocols: readonly string[]) {
    this.address = String(address);
    this.protocols = protocols;
    FakeWebSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Frame);
  }

  close(): void {
    this.readyState = 3;
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The server accepts, and answers the hello. */
  accept(from = 0, extra: object = {}): void {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen?.();
    this.say({
      type: 'ready',
      epoch: 'e1',
      from,
      top: from,
      recovered: true,
      earliest: 1,
      pingMs: 25_000,
      pongMs: 10_000,
      ticketMs: 3_600_000,
      ...extra,
    });
  }

  messages(after: number, ...seqs: number[]): void {
    const items = seqs.map((seq) => ({ seq, key: `k${seq}`, title: `t${seq}` }));
    this.say({ type: 'messages', epoch: 'e1', after, through: seqs.at(-1) ?? after, items });
  }

  end(code: number, advice?: object): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: advice === undefined ? '' : JSON.stringify(advice) });
  }

  of(type: string): Frame[] {
    return this.sent.filter((frame) => frame.type === type);
  }
}

const socket = (): FakeWebSocket => {
  const last = FakeWebSocket.all.at(-1);
  if (last === undefined) throw new Error('no socket was opened');
  return last;
};

let client: Client;
let seqs: number[];
let states: string[];
let losses: unknown[];
let tickets: string[];

beforeEach(async () => {
  vi.useFakeTimers();
  FakeWebSocket.all = [];
  vi.stubGlobal('WebSocket', FakeWebSocket);
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('removeEventListener', () => undefined);
  vi.stubGlobal('navigator', { onLine: true });
  const file = new URL('../../web/comet-client.js', import.meta.url).href;
  const { CometClient } = (await import(file)) as { CometClient: new (options: object) => Client };
  seqs = [];
  states = [];
  losses = [];
  tickets = ['ticket-1', 'ticket-2'];
  client = new CometClient({
    url: 'https://comet.example',
    device: 'tab',
    getTicket: () => Promise.resolve(tickets.length > 1 ? tickets.shift() : tickets[0]),
  });
  const listen = (type: string, fn: (detail: never) => void) =>
    client.addEventListener(type, (event) => fn((event as CustomEvent).detail as never));
  listen('message', ({ seq }: { seq: number }) => seqs.push(seq));
  listen('state', ({ state, reason }: { state: string; reason?: string }) =>
    states.push(reason === undefined ? state : `${state}: ${reason}`),
  );
  listen('loss', (detail) => losses.push(detail));
  client.connect();
  await vi.advanceTimersByTimeAsync(0);
});

afterEach(() => {
  client.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('browser client', () => {
  it('comes with its ticket, says hello and is live', () => {
    expect(socket().address).toBe('wss://comet.example/v1/comet');
    expect(socket().protocols).toEqual(['cloudjob.v1', 'cloudjob.ticket.ticket-1']);
    socket().accept();
    expect(socket().sent).toEqual([{ type: 'hello', device: 'tab' }]);
    expect(states).toEqual(['connecting', 'live']);
  });

  it('hands on each message once, in order', () => {
    socket().accept();
    socket().messages(0, 1, 2);
    socket().messages(1, 2, 3);
    socket().messages(0, 1);
    expect(seqs).toEqual([1, 2, 3]);
    expect(client.position).toEqual({ epoch: 'e1', seq: 3 });
  });

  it('asks for what is missing instead of jumping over it', () => {
    socket().accept();
    socket().messages(0, 1);
    socket().messages(3, 4);
    expect(seqs).toEqual([1]);
    expect(socket().of('sync')).toEqual([{ type: 'sync', seq: 1 }]);
    socket().messages(1, 2, 3, 4);
    expect(seqs).toEqual([1, 2, 3, 4]);
  });

  it('moves on over numbers that have expired', () => {
    socket().accept();
    socket().say({ type: 'messages', epoch: 'e1', after: 0, through: 5, items: [] });
    socket().messages(5, 6);
    expect(seqs).toEqual([6]);
  });

  it('resumes where it stands after an interruption', async () => {
    socket().accept();
    socket().messages(0, 1, 2);
    socket().end(1006);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeWebSocket.all).toHaveLength(2);
    socket().accept(2);
    expect(socket().of('hello')).toEqual([{ type: 'hello', device: 'tab', position: { epoch: 'e1', seq: 2 } }]);
    socket().messages(1, 2, 3);
    expect(seqs).toEqual([1, 2, 3]);
    expect(losses).toEqual([]);
  });

  it('says so when the server has lost messages, and starts over', async () => {
    socket().accept();
    socket().messages(0, 1, 2);
    socket().end(1006);
    await vi.advanceTimersByTimeAsync(500);
    socket().accept(0, { epoch: 'e2', recovered: false, earliest: 1 });
    expect(losses).toEqual([{ earliest: 1 }]);
    socket().say({
      type: 'messages',
      epoch: 'e2',
      after: 0,
      through: 1,
      items: [{ seq: 1, key: 'new', title: 'new' }],
    });
    expect(seqs).toEqual([1, 2, 1]);
  });

  it('starts over on a reset in mid-connection', () => {
    socket().accept();
    socket().messages(0, 1);
    socket().say({ type: 'reset', epoch: 'e2', from: 0, top: 1, recovered: false, earliest: 1 });
    expect(client.position).toEqual({ epoch: 'e2', seq: 0 });
    expect(losses).toHaveLength(1);
  });

  it('acknowledges once a second, the newest only', async () => {
    socket().accept();
    socket().messages(0, 1);
    await vi.advanceTimersByTimeAsync(500);
    socket().messages(1, 2, 3);
    expect(socket().of('ack')).toEqual([]);
    await vi.advanceTimersByTimeAsync(500);
    expect(socket().of('ack')).toEqual([{ type: 'ack', epoch: 'e1', seq: 3 }]);
  });

  it('acknowledges on the next connection what it could not on the last', async () => {
    socket().accept();
    socket().messages(0, 1);
    socket().end(1006);
    await vi.advanceTimersByTimeAsync(500);
    socket().accept(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(socket().of('ack')).toEqual([{ type: 'ack', epoch: 'e1', seq: 1 }]);
  });

  it('keeps receipts until it is connected and sends ten a second', async () => {
    for (let seq = 1; seq <= 15; seq++) client.receipt({ epoch: 'e1', seq }, 'displayed');
    expect(socket().of('receipt')).toEqual([]);
    socket().accept();
    expect(socket().of('receipt')).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(1000);
    expect(socket().of('receipt')).toHaveLength(15);
    expect(socket().of('receipt').at(-1)).toEqual({ type: 'receipt', epoch: 'e1', seq: 15, kind: 'displayed' });
  });

  it('answers pings', () => {
    socket().accept();
    socket().say({ type: 'ping' });
    expect(socket().of('pong')).toEqual([{ type: 'pong' }]);
  });

  it('gives up a connection on which nothing comes any more', async () => {
    socket().accept();
    const first = socket();
    await vi.advanceTimersByTimeAsync(34_999);
    expect(FakeWebSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1 + 500);
    expect(first.readyState).toBe(3);
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  it('waits longer and longer, and never as long as others', async () => {
    const waits: number[] = [];
    client.addEventListener('state', (event) => {
      const { retryInMs } = (event as CustomEvent<{ retryInMs?: number }>).detail;
      if (retryInMs !== undefined) waits.push(retryInMs);
    });
    for (let i = 0; i < 10; i++) {
      socket().end(1006);
      await vi.advanceTimersByTimeAsync(waits.at(-1) ?? 0);
      expect(FakeWebSocket.all).toHaveLength(i + 2);
    }
    waits.forEach((wait, i) => {
      const full = Math.min(500 * 1.8 ** i, 60_000);
      expect(wait).toBeGreaterThanOrEqual(Math.floor(full / 2));
      expect(wait).toBeLessThanOrEqual(Math.ceil(full));
    });
    expect(waits).toHaveLength(10);
  });

  it('waits as long as the server says', async () => {
    socket().accept();
    socket().end(4103, { reason: 'rate', reconnect: true, delayMs: 5000, jitterMs: 0 });
    await vi.advanceTimersByTimeAsync(4999);
    expect(FakeWebSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  it('goes when it is told to move, without waiting for the close', async () => {
    socket().accept();
    socket().say({ type: 'moved', delayMs: 300 });
    await vi.advanceTimersByTimeAsync(300);
    expect(FakeWebSocket.all).toHaveLength(2);
    expect(FakeWebSocket.all[0]?.readyState).toBe(3);
  });

  it('does not come back when it is told not to', async () => {
    socket().end(4001, { reason: 'ticket-refused', reconnect: false, delayMs: 0, jitterMs: 0 });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(FakeWebSocket.all).toHaveLength(1);
    expect(states.at(-1)).toBe('stopped: ticket-refused');
  });

  it('comes back with a new ticket when the old one has ended, and stops when there is no new one', async () => {
    socket().end(4002);
    await vi.advanceTimersByTimeAsync(0);
    expect(socket().protocols).toContain('cloudjob.ticket.ticket-2');
    socket().end(4002);
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeWebSocket.all).toHaveLength(2);
    expect(states.at(-1)).toBe('stopped: ticket-expired');
  });

  it('renews its ticket in time on the open connection', async () => {
    socket().accept(0, { ticketMs: 80_000 });
    for (let i = 0; i < 4; i++) {
      socket().say({ type: 'ping' });
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(socket().of('refresh')).toEqual([{ type: 'refresh', ticket: 'ticket-2' }]);
  });
});
