import { randomBytes } from 'node:crypto';
import type { Clock } from '../../runtime/clock.js';
import type { Unsubscribe } from '../../store/execution-store.js';
import {
  DEFAULT_MAILBOX_LIMITS,
  MAX_DEVICES,
  MIN_DEDUP_MS,
  ROUTE_TTL_MS,
  userKeyOf,
  type AppendResult,
  type InboxItem,
  type InboxPage,
  type Mailbox,
  type MailboxLimits,
  type MailboxPage,
  type NewMessage,
  type NodeEvent,
  type NodeListener,
  type Position,
  type PutRouteResult,
  type ReadRequest,
  type Receipt,
  type ReceiptKind,
  type ReceiptOutcome,
  type RecordedReceipt,
  type Route,
  type RouteRefresh,
  type UserKey,
  type UserRef,
} from '../mailbox.js';
import type { Message } from '../message.js';

interface Box {
  epoch: string;
  top: number;
  /** Highest number that the cap pushed out. */
  cutThrough: number;
  readonly messages: Message[];
  readonly known: Map<string, { seq: number; until: number }>;
  readonly routes: Map<string, Route & { refreshedAt: number }>;
  readonly acknowledged: Map<string, { seq: number; at: number }>;
  readonly receipts: Map<number, { [K in ReceiptKind]?: RecordedReceipt }>;
}

/** The readable reference: mailboxes in this process, gone when it ends. */
export class MemoryMailbox implements Mailbox {
  readonly #clock: Clock;
  readonly #limits: MailboxLimits;
  readonly #boxes = new Map<UserKey, Box>();
  readonly #listeners = new Map<string, NodeListener>();

  constructor({ clock }: { clock: Clock }, limits: MailboxLimits = DEFAULT_MAILBOX_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  async append(user: UserRef, { key, ttlMs, ...content }: NewMessage): Promise<AppendResult> {
    const box = this.#open(user);
    const now = this.#clock.now();
    const nodes = this.#nodesOf(box, now);
    const known = box.known.get(key);
    if (known !== undefined && known.until > now) {
      return { epoch: box.epoch, seq: known.seq, duplicate: true, nodes, droppedCount: 0 };
    }
    box.top += 1;
    const message: Message = { ...content, key, seq: box.top, sentAt: now, expiresAt: now + ttlMs };
    box.messages.push(message);
    box.known.set(key, { seq: message.seq, until: now + Math.max(ttlMs, MIN_DEDUP_MS) });
    return { epoch: box.epoch, seq: message.seq, duplicate: false, message, nodes, droppedCount: this.#trim(box, now) };
  }

  async read(user: UserRef, { after, device, limit }: ReadRequest): Promise<MailboxPage> {
    const box = this.#boxes.get(userKeyOf(user));
    if (box === undefined) {
      return { epoch: '', top: 0, from: 0, through: 0, recovered: after === undefined, earliest: 1, messages: [] };
    }
    const now = this.#clock.now();
    const start = startOf(box, after, device);
    const kept = box.messages.filter((message) => message.seq > start.from);
    const scanned = kept.slice(0, limit);
    const through = scanned.length === kept.length ? box.top : (scanned.at(-1)?.seq ?? box.top);
    return {
      epoch: box.epoch,
      top: box.top,
      ...start,
      through,
      earliest: box.messages[0]?.seq ?? box.top + 1,
      messages: scanned.filter(
        ({ seq, expiresAt }) => expiresAt > now && box.receipts.get(seq)?.dismissed === undefined,
      ),
    };
  }

  async listInbox(user: UserRef, page: { before?: number | undefined; limit: number }): Promise<InboxPage> {
    const box = this.#boxes.get(userKeyOf(user));
    if (box === undefined) return { epoch: '', top: 0, items: [] };
    const now = this.#clock.now();
    const delivered = Math.max(0, ...[...box.acknowledged.values()].map((device) => device.seq));
    const before = page.before ?? box.top + 1;
    const older = box.messages.filter((message) => message.seq < before).reverse();
    const scanned = older.slice(0, page.limit);
    const items = scanned
      .filter((message) => message.expiresAt > now)
      .map((message): InboxItem => ({
        message,
        delivered: message.seq <= delivered,
        receipts: box.receipts.get(message.seq) ?? {},
      }));
    const last = scanned.at(-1);
    const more = last !== undefined && older.length > scanned.length;
    return { epoch: box.epoch, top: box.top, items, ...(more ? { nextBefore: last.seq } : {}) };
  }

  async acknowledge(user: UserRef, device: string, position: Position): Promise<boolean> {
    const box = this.#boxes.get(userKeyOf(user));
    if (box === undefined || box.epoch !== position.epoch || position.seq > box.top) return false;
    const previous = box.acknowledged.get(device)?.seq ?? 0;
    box.acknowledged.set(device, { seq: Math.max(previous, position.seq), at: this.#clock.now() });
    if (box.acknowledged.size > MAX_DEVICES) {
      const [silent] = [...box.acknowledged].sort(([, a], [, b]) => a.at - b.at);
      if (silent !== undefined) box.acknowledged.delete(silent[0]);
    }
    return true;
  }

  async recordReceipt(
    user: UserRef,
    { position, kind, device }: Receipt,
  ): Promise<{ outcome: ReceiptOutcome; nodes: readonly string[] }> {
    const box = this.#boxes.get(userKeyOf(user));
    if (box === undefined || box.epoch !== position.epoch) return { outcome: 'unknown', nodes: [] };
    if (!box.messages.some((message) => message.seq === position.seq)) return { outcome: 'unknown', nodes: [] };
    const receipts = box.receipts.get(position.seq) ?? {};
    if (receipts[kind] !== undefined) return { outcome: 'repeated', nodes: [] };
    const now = this.#clock.now();
    box.receipts.set(position.seq, { ...receipts, [kind]: { at: now, device } });
    return { outcome: 'recorded', nodes: this.#nodesOf(box, now) };
  }

  async putRoute(user: UserRef, route: Route, position?: Position): Promise<PutRouteResult> {
    const box = this.#open(user);
    const now = this.#clock.now();
    this.#nodesOf(box, now);
    if (!box.routes.has(route.connection) && box.routes.size >= this.#limits.connections) {
      return { outcome: 'limit', epoch: box.epoch, top: box.top };
    }
    return { outcome: 'stored', ...this.#keepRoute(box, route, position) };
  }

  async removeRoute(user: UserRef, route: Pick<Route, 'connection' | 'node'>): Promise<void> {
    const routes = this.#boxes.get(userKeyOf(user))?.routes;
    if (routes?.get(route.connection)?.node === route.node) routes.delete(route.connection);
  }

  async refreshRoutes(refreshes: readonly RouteRefresh[]): Promise<readonly { epoch: string; top: number }[]> {
    return refreshes.map(({ user, route, position }) => this.#keepRoute(this.#open(user), route, position));
  }

  async publish(node: string, events: readonly NodeEvent[]): Promise<void> {
    this.#listeners.get(node)?.onEvents(events);
  }

  async subscribe(node: string, listener: NodeListener): Promise<Unsubscribe> {
    this.#listeners.set(node, listener);
    return async () => {
      this.#listeners.delete(node);
    };
  }

  #open(user: UserRef): Box {
    const key = userKeyOf(user);
    let box = this.#boxes.get(key);
    if (box === undefined) {
      box = {
        epoch: newEpoch(),
        top: 0,
        cutThrough: 0,
        messages: [],
        known: new Map(),
        routes: new Map(),
        acknowledged: new Map(),
        receipts: new Map(),
      };
      this.#boxes.set(key, box);
    }
    return box;
  }

  #keepRoute(box: Box, route: Route, position: Position | undefined): { epoch: string; top: number } {
    if (position !== undefined && position.epoch === box.epoch && position.seq > box.top) {
      box.epoch = newEpoch();
      box.acknowledged.clear();
    }
    box.routes.set(route.connection, { ...route, refreshedAt: this.#clock.now() });
    return { epoch: box.epoch, top: box.top };
  }

  #nodesOf(box: Box, now: number): readonly string[] {
    for (const [connection, route] of box.routes) {
      if (now - route.refreshedAt >= ROUTE_TTL_MS) box.routes.delete(connection);
    }
    return [...new Set([...box.routes.values()].map((route) => route.node))];
  }

  /** Removes what has expired at the old end and what exceeds the cap. Returns how many nobody had received. */
  #trim(box: Box, now: number): number {
    const delivered = Math.max(0, ...[...box.acknowledged.values()].map((device) => device.seq));
    let dropped = 0;
    for (let first = box.messages[0]; first !== undefined; first = box.messages[0]) {
      const isExpired = first.expiresAt <= now;
      if (!isExpired && box.messages.length <= this.#limits.messages) break;
      if (!isExpired) {
        box.cutThrough = first.seq;
        if (first.seq > delivered) dropped += 1;
      }
      box.messages.shift();
      box.receipts.delete(first.seq);
    }
    for (const [key, { until }] of box.known) {
      if (until > now) break;
      box.known.delete(key);
    }
    return dropped;
  }
}

function newEpoch(): string {
  return randomBytes(6).toString('hex');
}

function startOf(
  box: Box,
  after: Position | undefined,
  device: string | undefined,
): { from: number; recovered: boolean } {
  if (after === undefined) {
    const from = device === undefined ? undefined : box.acknowledged.get(device)?.seq;
    return from === undefined ? { from: 0, recovered: true } : { from, recovered: box.cutThrough <= from };
  }
  if (after.epoch !== box.epoch || after.seq > box.top) return { from: 0, recovered: false };
  return { from: after.seq, recovered: box.cutThrough <= after.seq };
}
