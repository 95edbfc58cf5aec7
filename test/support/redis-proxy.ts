import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Direction } from './zk-proxy.js';

/** What becomes of a whole reply: `swallow` = it never arrives and the connection breaks after it was due; a number forwards so many bytes and then breaks. */
export type ReplyVerdict = 'forward' | 'swallow' | number;

/**
 * Stands between one process and one Redis server. It knows where a reply ends, so that a test can lose
 * exactly one after its command was applied; it can hold either direction, delay both, refuse and break connections.
 */
export class RedisProxy {
  readonly port: number;
  /** Asked about each reply. */
  onReply: (reply: Buffer) => ReplyVerdict = () => 'forward';
  /** Added to the way of each chunk, either direction, order kept. */
  delayMs: () => number = () => 0;
  readonly #address: string;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #held = new Set<Direction>();
  #isRefusing = false;
  #target: number;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#target = targetPort;
    const { address, port } = server.address() as AddressInfo;
    this.#address = address;
    this.port = port;
    server.on('connection', (client) => this.#accept(client));
  }

  static async start(targetPort: number, address = '127.0.0.1'): Promise<RedisProxy> {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    return new RedisProxy(server, targetPort);
  }

  get url(): string {
    return `redis://${this.#address}:${this.port}`;
  }

  get connections(): number {
    return this.#links.size;
  }

  isHeld(direction: Direction): boolean {
    return this.#held.has(direction);
  }

  /** Keeps bytes back, also those of connections to come, until `release`. */
  hold(...directions: readonly Direction[]): void {
    for (const direction of directions) this.#held.add(direction);
  }

  /** Whether `text` is among the commands that are kept back. */
  holds(text: string): boolean {
    return [...this.#links].some((link) => link.waitingUp().includes(text));
  }

  /** Delivers what was held and everything after it; accepts connections again. */
  release(): void {
    this.#held.clear();
    this.#isRefusing = false;
    for (const link of this.#links) link.pump();
  }

  /** Breaks all connections; new ones are accepted. */
  cut(): void {
    for (const link of [...this.#links]) link.destroy();
  }

  /** Breaks all connections and every new one, until `release`. */
  refuse(): void {
    this.#isRefusing = true;
    this.cut();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const link = new Link(client, connect(this.#target, '127.0.0.1'), this);
    link.onClosed = () => this.#links.delete(link);
    this.#links.add(link);
  }
}

interface Chunk {
  readonly bytes: Buffer;
  readonly notBefore: number;
}

class Link {
  onClosed: () => void = () => undefined;
  readonly #proxy: RedisProxy;
  readonly #sockets: Readonly<Record<Direction, { from: Socket; to: Socket }>>;
  readonly #waiting: Readonly<Record<Direction, Chunk[]>> = { up: [], down: [] };
  #unparsed = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Socket, server: Socket, proxy: RedisProxy) {
    this.#proxy = proxy;
    this.#sockets = { up: { from: client, to: server }, down: { from: server, to: client } };
    for (const direction of ['up', 'down'] as const) {
      const { from } = this.#sockets[direction];
      from.setNoDelay();
      from.on('data', (bytes) => {
        this.#waiting[direction].push({ bytes, notBefore: performance.now() + proxy.delayMs() });
        this.pump();
      });
      from.on('error', () => undefined);
      from.on('close', () => this.destroy());
    }
  }

  waitingUp(): Buffer {
    return Buffer.concat(this.#waiting.up.map(({ bytes }) => bytes));
  }

  /** Passes on whatever may go now. */
  pump(): void {
    let earliest = Infinity;
    for (const direction of ['up', 'down'] as const) {
      const waiting = this.#waiting[direction];
      while (!this.#proxy.isHeld(direction) && waiting[0] !== undefined) {
        const [{ bytes, notBefore }] = waiting as [Chunk];
        if (notBefore > performance.now()) {
          earliest = Math.min(earliest, notBefore);
          break;
        }
        waiting.shift();
        if (direction === 'up') this.#sockets.up.to.write(bytes);
        else this.#replies(bytes);
      }
    }
    clearTimeout(this.#timer);
    if (earliest < Infinity) this.#timer = setTimeout(() => this.pump(), Math.max(1, earliest - performance.now()));
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#sockets.up.from.destroy();
    this.#sockets.up.to.destroy();
    this.onClosed();
  }

  #replies(chunk: Buffer): void {
    const bytes = this.#unparsed.length === 0 ? chunk : Buffer.concat([this.#unparsed, chunk]);
    const { to } = this.#sockets.down;
    // Nothing comes behind half a reply: TCP leaves nothing out.
    if (to.destroyed || to.writableEnded) return;
    let sent = 0;
    for (let end = replyEnd(bytes, 0); end !== -1; end = replyEnd(bytes, end)) {
      const verdict = this.#proxy.onReply(bytes.subarray(sent, end));
      if (verdict !== 'forward') {
        const part = bytes.subarray(0, verdict === 'swallow' ? sent : Math.min(end, sent + verdict));
        to.end(part, () => this.destroy());
        return;
      }
      sent = end;
    }
    if (sent > 0) to.write(bytes.subarray(0, sent));
    this.#unparsed = Buffer.from(bytes.subarray(sent));
  }
}

/** Offset behind the RESP reply that begins at `at`; -1 when it is not complete. */
export function replyEnd(bytes: Buffer, at: number): number {
  let missing = 1;
  let position = at;
  while (missing > 0) {
    const lineEnd = bytes.indexOf('\r\n', position);
    if (lineEnd === -1) return -1;
    const mark = bytes[position];
    const after = lineEnd + 2;
    missing -= 1;
    const isBulk = mark === 0x24 || mark === 0x3d; // $ =
    const isList = mark === 0x2a || mark === 0x7e || mark === 0x3e; // * ~ >
    const isMap = mark === 0x25; // %
    const length = isBulk || isList || isMap ? Number(bytes.toString('latin1', position + 1, lineEnd)) : 0;
    position = after;
    if (isBulk && length >= 0) position = after + length + 2;
    else if (length > 0) missing += isMap ? 2 * length : length;
    if (position > bytes.length) return -1;
  }
  return position;
}
