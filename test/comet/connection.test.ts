import { beforeEach, describe, expect, it } from 'vitest';
import { Acknowledgements } from '../../src/comet/acknowledgements.js';
import { Connection, MAX_BUFFERED_BYTES } from '../../src/comet/connection.js';
import { MemoryMailbox } from '../../src/comet/memory/memory-mailbox.js';
import {
  userKeyOf,
  type MailboxPage,
  type PutRouteResult,
  type Route,
  type NodeEvent,
  type Position,
  type ReadRequest,
  type UserRef,
} from '../../src/comet/mailbox.js';
import { Tickets } from '../../src/comet/tickets.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { Metrics } from '../../src/runtime/metrics.js';
import { ManualClock, settle } from '../support/manual-clock.js';
import { RecordingProbe } from '../support/wait.js';
import { FakeTransport } from './support/fake-transport.js';

const user: UserRef = { namespace: 'shop', user: 'ada' };
const timing = { helloMs: 10_000, pingMs: 25_000, pongMs: 10_000 };
const HOUR = 3_600_000;

/** A mailbox whose next read can be held back, to let things happen meanwhile. */
class HeldMailbox extends MemoryMailbox {
  #held: Promise<void> | undefined;
  #heldRoute: Promise<void> | undefined;
  failure: Error | undefined;

  hold(): () => void {
    let release = (): void => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  /** The next route is written, but its answer is held back. */
  holdRoute(): () => void {
    let release = (): void => undefined;
    this.#heldRoute = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  override async putRoute(of: UserRef, route: Route, position?: Position): Promise<PutRouteResult> {
    await this.#heldRoute;
    return super.putRoute(of, route, position);
  }

  override async read(of: UserRef, request: ReadRequest): Promise<MailboxPage> {
    if (this.failure !== undefined) throw this.failure;
    const page = await super.read(of, request);
    const held = this.#held;
    this.#held = undefined;
    await held;
    return page;
  }
}

describe('connection', () => {
  let clock: ManualClock;
  let mailbox: HeldMailbox;
  let tickets: Tickets;
  let probe: RecordingProbe;
  let closed: Connection[];
  let count = 0;

  beforeEach(() => {
    clock = new ManualClock();
    mailbox = new HeldMailbox({ clock }, { messages: 100, connections: 2 });
    tickets = new Tickets({ clock }, { apiKey: 'k'.repeat(32) });
    probe = new RecordingProbe();
    closed = [];
  });

  function connect({ node = 'node-1', ticketMs = HOUR * 10 } = {}): { connection: Connection; line: FakeTransport } {
    const line = new FakeTransport();
    const acknowledgements = new Acknowledgements({ mailbox, logger: silentLogger });
    const connection = new Connection(
      {
        transport: line,
        mailbox,
        acknowledgements,
        tickets,
        clock,
        logger: silentLogger,
        metrics: new Metrics(),
        probe,
        onClosed: (ended) => closed.push(ended),
      },
      { id: `c${++count}`, node, user, ticketExpiresAt: clock.now() + ticketMs, timing },
    );
    return { connection, line };
  }

  async function live(position?: Position): Promise<{ connection: Connection; line: FakeTransport }> {
    const made = connect();
    await made.connection.open('phone', position);
    return made;
  }

  async function append(key: string): Promise<NodeEvent> {
    const { epoch, message } = await mailbox.append(user, { key, title: key, ttlMs: HOUR });
    if (message === undefined) throw new Error('duplicate');
    return { type: 'message', user: userKeyOf(user), epoch, message };
  }

  it('says ready, then the backlog, then what comes live', async () => {
    await append('a');
    await append('b');
    const { connection, line } = await live();
    connection.deliver(await append('c'));
    expect(line.frames.map((frame) => frame.type)).toEqual(['ready', 'messages', 'messages']);
    expect(line.frames[0]).toMatchObject({
      from: 0,
      top: 2,
      recovered: true,
      earliest: 1,
      pingMs: 25_000,
      pongMs: 10_000,
    });
    expect(line.frames[1]).toMatchObject({ after: 0, through: 2, items: [{ key: 'a' }, { key: 'b' }] });
    expect(line.frames[2]).toMatchObject({ after: 2, through: 3, items: [{ key: 'c' }] });
  });

  it('resumes after the position of the client', async () => {
    const first = await append('a');
    await append('b');
    const { line } = await live({ epoch: first.epoch, seq: 1 });
    expect(line.frames[0]).toMatchObject({ type: 'ready', from: 1, recovered: true });
    expect(line.seqs).toEqual([2]);
  });

  it('says so when it cannot resume, and starts over', async () => {
    await append('a');
    const { line } = await live({ epoch: 'feedfeedfeed', seq: 9 });
    expect(line.frames[0]).toMatchObject({ type: 'ready', from: 0, recovered: false, earliest: 1 });
    expect(line.seqs).toEqual([1]);
  });

  it('sends a message once that arrives while the backlog is being read and is not part of it', async () => {
    await append('a');
    const { connection, line } = connect();
    const release = mailbox.hold();
    const opening = connection.open('phone', undefined);
    await settle();
    connection.deliver(await append('b'));
    expect(line.seqs).toEqual([]);
    release();
    await opening;
    expect(line.seqs).toEqual([1, 2]);
    connection.deliver(await append('c'));
    expect(line.seqs).toEqual([1, 2, 3]);
  });

  it('has its route written when it reads, so that whatever the read does not show is announced', async () => {
    const { connection } = connect();
    const release = mailbox.hold();
    const opening = connection.open('phone', undefined);
    await settle();
    const { nodes } = await mailbox.append(user, { key: 'a', title: 'a', ttlMs: HOUR });
    expect(nodes).toEqual(['node-1']);
    release();
    await opening;
  });

  it('sends a message once that is both in the backlog and announced live', async () => {
    const { connection, line } = connect();
    const event = await append('a');
    const release = mailbox.hold();
    const opening = connection.open('phone', undefined);
    await settle();
    connection.deliver(event);
    release();
    await opening;
    connection.deliver(event);
    expect(line.seqs).toEqual([1]);
  });

  it('sends what arrives while a slow client takes its backlog, in order and once', async () => {
    for (let i = 0; i < 30; i++) await append(`m${i}`);
    const { connection, line } = connect();
    const release = line.stall();
    const opening = connection.open('phone', undefined);
    await settle();
    expect(line.seqs).toHaveLength(25);
    connection.deliver(await append('late'));
    release();
    await opening;
    expect(line.seqs).toEqual(Array.from({ length: 31 }, (_, i) => i + 1));
  });

  it('fills a hole in what comes live from the mailbox', async () => {
    const { connection, line } = await live();
    await append('lost on the way');
    connection.deliver(await append('b'));
    await settle();
    expect(line.seqs).toEqual([1, 2]);
    expect(probe.count('connection-gap')).toBe(1);
  });

  it('reads what it has not sent when it is told the top', async () => {
    const { connection, line } = await live();
    const event = await append('a');
    connection.deliver({ type: 'top', user: userKeyOf(user), epoch: event.epoch, seq: 1 });
    await settle();
    expect(line.seqs).toEqual([1]);
    connection.deliver({ type: 'top', user: userKeyOf(user), epoch: event.epoch, seq: 1 });
    await settle();
    expect(line.seqs).toEqual([1]);
    expect(probe.count('connection-gap')).toBe(1);
  });

  it('starts over openly when the mailbox goes on under a new epoch', async () => {
    await append('a');
    const { connection, line } = await live();
    const wiped = new MemoryMailbox({ clock });
    const { epoch, message } = await wiped.append(user, { key: 'new', title: 'new', ttlMs: HOUR });
    mailbox.read = (of, request) => wiped.read(of, request);
    if (message === undefined) throw new Error('not stored');
    connection.deliver({ type: 'message', user: userKeyOf(user), epoch, message });
    await settle();
    expect(line.of('reset')).toEqual([{ type: 'reset', epoch, from: 0, top: 1, recovered: false, earliest: 1 }]);
    expect(line.of('messages').at(-1)).toMatchObject({ epoch, items: [{ key: 'new' }] });
  });

  it('goes on from where a client says it stands', async () => {
    await append('a');
    await append('b');
    const { connection, line } = await live();
    connection.receive(JSON.stringify({ type: 'sync', seq: 1 }));
    await settle();
    expect(line.seqs).toEqual([1, 2, 2]);
  });

  it('acknowledges for the device, newest only', async () => {
    const { epoch } = await append('a');
    await append('b');
    const { connection } = await live();
    connection.receive(JSON.stringify({ type: 'ack', epoch, seq: 1 }));
    connection.receive(JSON.stringify({ type: 'ack', epoch, seq: 2 }));
    await settle();
    expect(await mailbox.read(user, { device: 'phone', limit: 1 })).toMatchObject({ from: 2 });
  });

  it('records receipts, and passes on those of other devices', async () => {
    const { epoch } = await append('a');
    const { connection, line } = await live();
    connection.receive(JSON.stringify({ type: 'receipt', epoch, seq: 1, kind: 'dismissed' }));
    await settle();
    const inbox = await mailbox.listInbox(user, { limit: 1 });
    expect(inbox.items[0]?.receipts.dismissed).toMatchObject({ device: 'phone' });
    connection.deliver({ type: 'receipt', user: userKeyOf(user), epoch, seq: 1, kind: 'clicked', device: 'tablet' });
    expect(line.of('receipt')).toEqual([{ type: 'receipt', epoch, seq: 1, kind: 'clicked', device: 'tablet' }]);
  });

  it('closes a client that says something else than frames', async () => {
    for (const text of ['{', '{"type":"nonsense"}', '{"type":"ack","epoch":"e","seq":-1}', '{"type":"pong","x":1}']) {
      const { connection, line } = await live();
      connection.receive(text);
      expect(line.closedWith).toBe(4000);
      await connection.gone();
    }
  });

  it('closes a client that floods it', async () => {
    const { connection, line } = await live();
    for (let i = 0; i < 60; i++) connection.receive('{"type":"pong"}');
    expect(line.closedWith).toBeUndefined();
    connection.receive('{"type":"pong"}');
    expect(line.closedWith).toBe(4103);
  });

  it('closes a client that never says hello', async () => {
    const { connection, line } = connect();
    await clock.advance(9_999);
    expect(connection.visit()).toBe(1);
    await clock.advance(1);
    expect(connection.visit()).toBeNull();
    expect(line.closedWith).toBe(4000);
  });

  it('pings, and closes a client from which nothing comes in, however much goes out', async () => {
    const { connection, line } = await live();
    await clock.advance(25_000);
    expect(connection.visit()).toBe(10_000);
    expect(line.of('ping')).toHaveLength(1);
    connection.deliver(await append('a'));
    await clock.advance(10_000);
    expect(connection.visit()).toBeNull();
    expect(line.closedWith).toBe(4102);
  });

  it('keeps a client that answers', async () => {
    const { connection, line } = await live();
    await clock.advance(25_000);
    connection.visit();
    await clock.advance(5_000);
    connection.receive('{"type":"pong"}');
    await clock.advance(5_000);
    expect(connection.visit()).toBe(15_000);
    expect(line.closedWith).toBeUndefined();
  });

  it('expects no answer where the client cannot give one', async () => {
    const { connection, line } = await live();
    line.answersPings = false;
    for (let i = 0; i < 3; i++) {
      await clock.advance(25_000);
      expect(connection.visit()).toBe(25_000);
    }
    expect(line.of('ping')).toHaveLength(3);
  });

  it('closes when the ticket ends, unless a new one came', async () => {
    const { connection, line } = connect({ ticketMs: 1000 });
    await connection.open('phone', undefined);
    const { ticket } = tickets.issue(user, 5000);
    connection.receive(JSON.stringify({ type: 'refresh', ticket }));
    expect(line.of('refreshed')).toEqual([{ type: 'refreshed', ticketMs: 5000 }]);
    await clock.advance(1000);
    expect(connection.visit()).toBe(4000);
    await clock.advance(4000);
    expect(connection.visit()).toBeNull();
    expect(line.closedWith).toBe(4002);
  });

  it('refuses the ticket of somebody else', async () => {
    const { connection, line } = await live();
    const { ticket } = tickets.issue({ ...user, user: 'eve' }, 5000);
    connection.receive(JSON.stringify({ type: 'refresh', ticket }));
    expect(line.closedWith).toBe(4001);
  });

  it('closes a client that reads too slowly', async () => {
    const { connection, line } = await live();
    line.buffered = MAX_BUFFERED_BYTES + 1;
    connection.deliver(await append('a'));
    expect(line.closedWith).toBe(4101);
  });

  it('closes a client that does not even take one page, also one that cannot answer pings', async () => {
    await append('a');
    const { connection, line } = connect();
    line.answersPings = false;
    line.stall();
    void connection.open('phone', undefined);
    await clock.advance(59_999);
    expect(connection.visit()).not.toBeNull();
    await clock.advance(1);
    expect(connection.visit()).toBeNull();
    expect(line.closedWith).toBe(4101);
  });

  it('refuses a connection beyond the limit of the user and leaves the others alone', async () => {
    await live();
    await live();
    const { line, connection } = await live();
    expect(line.closedWith).toBe(4104);
    await connection.gone();
    const { nodes } = await mailbox.append(user, { key: 'k', title: 't', ttlMs: HOUR });
    expect(nodes).toEqual(['node-1']);
  });

  it('asks the client to come back when the mailbox cannot be read', async () => {
    mailbox.failure = new Error('no store');
    const { line } = await live();
    expect(line.closedWith).toBe(4100);
    expect(closed).toHaveLength(1);
  });

  it('removes its route also when it ends before the route is written', async () => {
    const { connection } = connect();
    const release = mailbox.holdRoute();
    const opening = connection.open('phone', undefined);
    await settle();
    connection.lost();
    await settle();
    release();
    await opening;
    await connection.gone();
    const { nodes } = await mailbox.append(user, { key: 'k', title: 't', ttlMs: HOUR });
    expect(nodes).toEqual([]);
  });

  it('removes its route when it ends, also when it ends while opening', async () => {
    const { connection } = connect();
    const release = mailbox.hold();
    const opening = connection.open('phone', undefined);
    await settle();
    connection.lost();
    release();
    await opening;
    await connection.gone();
    const { nodes } = await mailbox.append(user, { key: 'k', title: 't', ttlMs: HOUR });
    expect(nodes).toEqual([]);
    expect(closed).toEqual([connection]);
  });
});
