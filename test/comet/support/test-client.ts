import { request as httpRequest, type ClientRequest } from 'node:http';
import { WebSocket } from 'ws';
import type { ServerFrame } from '../../../src/comet/protocol.js';
import type { Position } from '../../../src/comet/mailbox.js';

type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

abstract class Inbox<E> {
  readonly received: E[] = [];
  readonly #waiting = new Set<() => void>();

  protected push(entry: E): void {
    this.received.push(entry);
    this.wakeAll();
  }

  protected wakeAll(): void {
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves with the first answer that is not undefined; asked again whenever something comes. */
  protected until<T>(what: string, answer: () => T | undefined, timeoutMs = 10_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const value = answer();
        if (value === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(value);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`${what}: not within ${timeoutMs} ms; received ${JSON.stringify(this.received)}`));
      }, timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }
}

export interface ConnectOptions {
  readonly ticket: string;
  readonly device?: string;
  readonly position?: Position | undefined;
  readonly headers?: Record<string, string>;
  readonly path?: string;
  /** Do not answer pings. */
  readonly isMute?: boolean;
}

/** A WebSocket client that says hello, answers pings and keeps everything. */
export class TestWebSocket extends Inbox<ServerFrame> {
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  #closed: { code: number; reason: string } | undefined;

  constructor(
    host: string,
    { ticket, device = 'phone', position, headers = {}, path = '/v1/comet', isMute = false }: ConnectOptions,
  ) {
    super();
    this.socket = new WebSocket(`ws://${host}${path}`, ['cloudjob.v1', `cloudjob.ticket.${ticket}`], { headers });
    this.socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as ServerFrame;
      if (frame.type === 'ping' && !isMute) this.say({ type: 'pong' });
      this.push(frame);
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', () => {
        this.say({ type: 'hello', device, ...(position === undefined ? {} : { position }) });
        resolve();
      });
      this.socket.on('error', reject);
    });
    // A test that expects the refusal awaits it itself.
    this.opened.catch(() => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.#closed = { code, reason: reason.toString() };
        this.wakeAll();
        resolve(this.#closed);
      });
    });
  }

  say(frame: object): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  get keys(): string[] {
    return this.#messages.flatMap((frame) => frame.items.map((item) => item.key));
  }

  get seqs(): number[] {
    return this.#messages.flatMap((frame) => frame.items.map((item) => item.seq));
  }

  get #messages(): Frame<'messages'>[] {
    return this.received.filter((frame): frame is Frame<'messages'> => frame.type === 'messages');
  }

  frame<T extends ServerFrame['type']>(type: T): Promise<Frame<T>> {
    return this.until(`frame ${type}`, () => this.received.find((frame): frame is Frame<T> => frame.type === type));
  }

  message(key: string): Promise<string> {
    return this.until(`message ${key}`, () => this.keys.find((k) => k === key));
  }

  /** Where the client stands: after everything it has received. */
  async position(): Promise<Position> {
    const ready = await this.frame('ready');
    const last = this.#messages.at(-1);
    return last === undefined ? { epoch: ready.epoch, seq: ready.from } : { epoch: last.epoch, seq: last.through };
  }

  async end(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  /** As if the network was gone: no close frame. */
  cut(): void {
    this.socket.terminate();
  }
}

export interface StreamEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** A reader of server-sent events over plain HTTP. */
export class TestStream extends Inbox<StreamEvent> {
  readonly #request: ClientRequest;
  readonly ended: Promise<void>;
  readonly status: Promise<number>;
  #text = '';

  constructor(url: string, headers: Record<string, string> = {}) {
    super();
    this.#request = httpRequest(url, { headers: { accept: 'text/event-stream', ...headers } });
    this.status = new Promise((resolve, reject) => {
      this.#request.on('response', (response) => resolve(response.statusCode ?? 0));
      this.#request.on('error', reject);
    });
    this.ended = new Promise((resolve) => {
      this.#request.on('response', (response) => {
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => this.#read(chunk));
        response.on('close', () => resolve());
        response.on('error', () => resolve());
      });
      this.#request.on('error', () => resolve());
    });
    this.status.catch(() => undefined);
    this.#request.end();
  }

  named(name: string): Promise<StreamEvent> {
    return this.until(`event ${name}`, () => this.received.find((event) => event.event === name));
  }

  get keys(): string[] {
    return this.received
      .filter((event) => event.event === 'message')
      .map((event) => (JSON.parse(event.data) as { key: string }).key);
  }

  message(key: string): Promise<string> {
    return this.until(`message ${key}`, () => this.keys.find((k) => k === key));
  }

  get lastEventId(): string | undefined {
    return this.received.findLast((event) => event.id !== undefined)?.id;
  }

  cut(): void {
    this.#request.destroy();
  }

  #read(chunk: string): void {
    const blocks = (this.#text + chunk).split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const event = fields.get('event');
      if (event !== undefined) this.push({ id: fields.get('id'), event, data: fields.get('data') ?? '' });
    }
  }
}
