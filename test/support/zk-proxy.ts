import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Seen from the client: what it sends goes up, what it gets comes down. */
export type Direction = 'up' | 'down';

/** One length-prefixed frame of ZooKeeper's protocol. */
export interface Frame {
  readonly direction: Direction;
  /** Number of the connection through this proxy, from 1. */
  readonly connection: number;
  /** `connect` for the handshake; otherwise the operation that is asked for or answered, e.g. `create`. */
  readonly kind: string;
  /** Bytes including the length prefix. */
  readonly size: number;
}

/** What becomes of a frame: `drop` swallows it, `cut` breaks the connection instead, a number forwards so many bytes and then cuts. */
export type Verdict = 'forward' | 'drop' | 'cut' | number;

const KINDS: Readonly<Record<number, string>> = {
  [-11]: 'close',
  1: 'create',
  2: 'delete',
  3: 'exists',
  4: 'getData',
  5: 'setData',
  11: 'ping',
  12: 'getChildren',
  100: 'auth',
  101: 'setWatches',
};

/**
 * Stands between a ZooKeeper client and one server and understands the frames, so that a test can
 * break the connection at a chosen place. `hold` makes a network that neither delivers nor fails.
 */
export class ZkProxy {
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  readonly frames: Frame[] = [];
  /** Decides about each frame; may call the other methods. */
  onFrame: (frame: Frame) => Verdict = () => 'forward';
  /** Changes the bytes of a frame that is forwarded. */
  rewrite: (bytes: Buffer, frame: Frame) => Buffer = (bytes) => bytes;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #held = new Set<Direction>();
  #connections = 0;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    const { address, port } = server.address() as AddressInfo;
    this.port = port;
    this.address = `${address}:${port}`;
    server.on('connection', (client) => this.#accept(client, targetPort));
  }

  static async start(targetPort: number, address = '127.0.0.1'): Promise<ZkProxy> {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    return new ZkProxy(server, targetPort);
  }

  get connections(): number {
    return this.#connections;
  }

  count(direction: Direction, kind: string): number {
    return this.frames.filter((frame) => frame.direction === direction && frame.kind === kind).length;
  }

  /** Keeps frames back, also those of connections to come, until `release`. */
  hold(...directions: readonly Direction[]): void {
    for (const direction of directions) this.#held.add(direction);
  }

  /** Delivers what was held and everything after it. */
  release(): void {
    this.#held.clear();
    for (const link of [...this.#links]) link.flush();
  }

  /** Breaks all connections; new ones are accepted. */
  cut(): void {
    for (const link of [...this.#links]) link.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket, targetPort: number): void {
    const server = connect(targetPort, '127.0.0.1');
    const connection = ++this.#connections;
    const link = new Link(client, server, (direction, kind, bytes) => {
      const frame = { direction, connection, kind, size: bytes.length };
      this.frames.push(frame);
      return { verdict: this.onFrame(frame), bytes: this.rewrite(bytes, frame) };
    });
    link.isHeld = (direction) => this.#held.has(direction);
    link.onClosed = () => this.#links.delete(link);
    this.#links.add(link);
  }
}

type Judge = (
  direction: Direction,
  kind: string,
  bytes: Buffer,
) => { readonly verdict: Verdict; readonly bytes: Buffer };

class Link {
  isHeld: (direction: Direction) => boolean = () => false;
  onClosed: () => void = () => undefined;
  readonly #sockets: Readonly<Record<Direction, { from: Socket; to: Socket }>>;
  readonly #unparsed = { up: Buffer.alloc(0), down: Buffer.alloc(0) };
  readonly #waiting: Record<Direction, Buffer[]> = { up: [], down: [] };
  readonly #hasShaken = { up: false, down: false };
  /** Kind of each request by its xid: an answer does not say what it answers. */
  readonly #kinds = new Map<number, string>();
  readonly #judge: Judge;

  constructor(client: Socket, server: Socket, judge: Judge) {
    this.#judge = judge;
    this.#sockets = { up: { from: client, to: server }, down: { from: server, to: client } };
    for (const direction of ['up', 'down'] as const) {
      const { from } = this.#sockets[direction];
      from.setNoDelay();
      from.on('data', (chunk) => this.#take(direction, chunk));
      from.on('error', () => undefined);
      from.on('close', () => this.destroy());
    }
  }

  flush(): void {
    for (const direction of ['up', 'down'] as const) {
      for (const frame of this.#waiting[direction].splice(0)) this.#deliver(direction, frame);
    }
  }

  destroy(): void {
    this.#sockets.up.from.destroy();
    this.#sockets.up.to.destroy();
    this.onClosed();
  }

  #take(direction: Direction, chunk: Buffer): void {
    let rest = Buffer.concat([this.#unparsed[direction], chunk]);
    while (rest.length >= 4 && rest.length >= rest.readInt32BE(0) + 4) {
      const size = rest.readInt32BE(0) + 4;
      const frame = rest.subarray(0, size);
      rest = rest.subarray(size);
      if (this.isHeld(direction)) this.#waiting[direction].push(frame);
      else this.#deliver(direction, frame);
    }
    this.#unparsed[direction] = rest;
  }

  #deliver(direction: Direction, frame: Buffer): void {
    const { to } = this.#sockets[direction];
    // Nothing comes behind half a frame: TCP leaves nothing out.
    if (to.destroyed || to.writableEnded) return;
    const { verdict, bytes } = this.#judge(direction, this.#kindOf(direction, frame), frame);
    if (verdict === 'drop') return;
    if (verdict === 'cut') this.destroy();
    else if (verdict === 'forward') to.write(bytes);
    else to.end(bytes.subarray(0, verdict), () => this.destroy());
  }

  #kindOf(direction: Direction, frame: Buffer): string {
    if (!this.#hasShaken[direction]) {
      this.#hasShaken[direction] = true;
      return 'connect';
    }
    const xid = frame.readInt32BE(4);
    if (direction === 'down') return xid === -1 ? 'event' : xid === -2 ? 'ping' : (this.#kinds.get(xid) ?? 'unknown');
    const kind = KINDS[frame.readInt32BE(8)] ?? 'unknown';
    this.#kinds.set(xid, kind);
    return kind;
  }
}
