import { randomBytes } from 'node:crypto';
import type { Unsubscribe } from '../../store/execution-store.js';
import {
  DEFAULT_MAILBOX_LIMITS,
  MAILBOX_IDLE_MS,
  MAX_DEVICES,
  MIN_DEDUP_MS,
  RECEIPT_KINDS,
  ROUTE_TTL_MS,
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
  type ReceiptOutcome,
  type RecordedReceipt,
  type Route,
  type RouteRefresh,
  type UserRef,
} from '../mailbox.js';
import type { Message } from '../message.js';
import type { RedisConnection } from '../../store/redis/connection.js';
import type { RedisPubSub } from '../../store/redis/pub-sub.js';
import { ScriptRunner } from '../../store/redis/script-runner.js';
import { MailboxKeys } from './mailbox-keys.js';
import {
  ACKNOWLEDGE_CODES,
  APPEND_CODES,
  MAILBOX_SCRIPTS,
  PUT_ROUTE_CODES,
  RECEIPT_CODES,
  type MailboxScript,
} from './mailbox-scripts.js';

export interface RedisMailboxDeps {
  /** Both started, and stopped after everything that uses the mailbox. */
  readonly connection: RedisConnection;
  readonly pubSub: RedisPubSub;
}

export interface RedisMailboxConfig {
  readonly cluster: string;
  readonly limits?: MailboxLimits;
}

/** Id, then name and value of the fields in the order in which they were written. */
type Entry = readonly [id: string, fields: readonly [string, string, string, string, string, string]];

/** Mailboxes in Redis: one script a transition, all keys of a user in one slot. */
export class RedisMailbox implements Mailbox {
  readonly #deps: RedisMailboxDeps;
  readonly #scripts: ScriptRunner<MailboxScript>;
  readonly #keys: MailboxKeys;
  readonly #limits: MailboxLimits;

  constructor(deps: RedisMailboxDeps, { cluster, limits = DEFAULT_MAILBOX_LIMITS }: RedisMailboxConfig) {
    this.#deps = deps;
    this.#scripts = new ScriptRunner(deps, { folder: new URL('./lua/', import.meta.url), names: MAILBOX_SCRIPTS });
    this.#keys = new MailboxKeys(cluster);
    this.#limits = limits;
  }

  async append(user: UserRef, { ttlMs, ...stored }: NewMessage): Promise<AppendResult> {
    const keys = this.#keys;
    const reply = (await this.#scripts.run(
      'append_message',
      [
        keys.mailbox(user),
        keys.messages(user),
        keys.routes(user),
        keys.acknowledged(user),
        keys.receipts(user),
        keys.known(user, stored.key),
      ],
      [
        JSON.stringify(stored),
        newEpoch(),
        ttlMs,
        Math.max(ttlMs, MIN_DEDUP_MS),
        MAILBOX_IDLE_MS,
        ROUTE_TTL_MS,
        this.#limits.messages,
      ],
    )) as [number, string, number, number, number, ...string[]];
    const [code, epoch, seq, sentAt, droppedCount, ...nodes] = reply;
    if (code === APPEND_CODES.duplicate) return { epoch, seq, duplicate: true, nodes, droppedCount: 0 };
    return {
      epoch,
      seq,
      duplicate: false,
      message: { ...stored, seq, sentAt, expiresAt: sentAt + ttlMs },
      nodes,
      droppedCount,
    };
  }

  async read(user: UserRef, { after, device = '', limit }: ReadRequest): Promise<MailboxPage> {
    const keys = this.#keys;
    // An empty epoch was never given to a mailbox: asking for it is asking for one that is gone.
    const epoch = after === undefined ? '' : after.epoch || 'none';
    const reply = (await this.#scripts.run(
      'read_mailbox',
      [keys.mailbox(user), keys.messages(user), keys.acknowledged(user), keys.receipts(user)],
      [epoch, after?.seq ?? 0, device, limit],
    )) as [string, number, number, number, number, number, Entry[]];
    const [storedEpoch, top, from, recovered, earliest, through, entries] = reply;
    return {
      epoch: storedEpoch,
      top,
      from,
      through,
      recovered: recovered === 1,
      earliest,
      messages: entries.map(readEntry),
    };
  }

  async listInbox(user: UserRef, page: { before?: number | undefined; limit: number }): Promise<InboxPage> {
    const keys = this.#keys;
    const reply = (await this.#scripts.run(
      'list_inbox',
      [keys.mailbox(user), keys.messages(user), keys.acknowledged(user), keys.receipts(user)],
      [page.before ?? 0, page.limit],
    )) as [string, number, number, number, number, Entry[], (string | null)[][]];
    const [epoch, top, earliest, delivered, now, entries, done] = reply;
    const scanned = entries.map((entry, i): InboxItem => {
      const message = readEntry(entry);
      return { message, delivered: message.seq <= delivered, receipts: readReceipts(done[i] ?? []) };
    });
    const last = scanned.at(-1)?.message.seq;
    const more = last !== undefined && last > earliest;
    return {
      epoch,
      top,
      items: scanned.filter((item) => item.message.expiresAt > now),
      ...(more ? { nextBefore: last } : {}),
    };
  }

  async acknowledge(user: UserRef, device: string, position: Position): Promise<boolean> {
    const reply = (await this.#scripts.run(
      'acknowledge_messages',
      [this.#keys.mailbox(user), this.#keys.acknowledged(user)],
      [device, position.epoch, position.seq, MAX_DEVICES],
    )) as [number];
    return reply[0] === ACKNOWLEDGE_CODES.noted;
  }

  async recordReceipt(
    user: UserRef,
    { position, kind, device }: Receipt,
  ): Promise<{ outcome: ReceiptOutcome; nodes: readonly string[] }> {
    const keys = this.#keys;
    const [code, ...nodes] = (await this.#scripts.run(
      'record_receipt',
      [keys.mailbox(user), keys.messages(user), keys.routes(user), keys.receipts(user)],
      [position.epoch, position.seq, kind, device, ROUTE_TTL_MS],
    )) as [number, ...string[]];
    if (code === RECEIPT_CODES.recorded) return { outcome: 'recorded', nodes };
    return { outcome: code === RECEIPT_CODES.repeated ? 'repeated' : 'unknown', nodes: [] };
  }

  async putRoute(user: UserRef, route: Route, position?: Position): Promise<PutRouteResult> {
    const [code, epoch, top] = await this.#writeRoute(user, route, position, this.#limits.connections);
    return { outcome: code === PUT_ROUTE_CODES.stored ? 'stored' : 'limit', epoch, top };
  }

  async removeRoute(user: UserRef, { connection, node }: Pick<Route, 'connection' | 'node'>): Promise<void> {
    await this.#scripts.run('remove_route', [this.#keys.routes(user)], [connection, node]);
  }

  async refreshRoutes(refreshes: readonly RouteRefresh[]): Promise<readonly { epoch: string; top: number }[]> {
    // The calls leave together and are answered in order.
    const written = await Promise.all(
      refreshes.map(({ user, route, position }) => this.#writeRoute(user, route, position, 0)),
    );
    return written.map(([, epoch, top]) => ({ epoch, top }));
  }

  async publish(node: string, events: readonly NodeEvent[]): Promise<void> {
    await this.#deps.connection.send('PUBLISH', [this.#keys.nodeChannel(node), JSON.stringify(events)]);
  }

  subscribe(node: string, listener: NodeListener): Promise<Unsubscribe> {
    const { pubSub } = this.#deps;
    return pubSub.subscribe(
      this.#keys.nodeChannel(node),
      (text) => listener.onEvents(JSON.parse(text) as NodeEvent[]),
      // Answered after the renewed subscription stands: what is published from then on arrives.
      () => void pubSub.check().then(listener.onGap),
    );
  }

  async #writeRoute(
    user: UserRef,
    route: Route,
    position: Position | undefined,
    limit: number,
  ): Promise<[code: number, epoch: string, top: number]> {
    const keys = this.#keys;
    return (await this.#scripts.run(
      'put_route',
      [keys.mailbox(user), keys.messages(user), keys.routes(user), keys.acknowledged(user), keys.receipts(user)],
      [
        route.connection,
        `${route.node} ${route.transport} ${route.device}`,
        limit,
        ROUTE_TTL_MS,
        MAILBOX_IDLE_MS,
        newEpoch(),
        position?.epoch ?? '',
        position?.seq ?? 0,
      ],
    )) as [number, string, number];
  }
}

function newEpoch(): string {
  return randomBytes(6).toString('hex');
}

function readEntry([id, fields]: Entry): Message {
  const [, expiresAt, , sentAt, , content] = fields;
  return {
    ...(JSON.parse(content) as Omit<Message, 'seq' | 'sentAt' | 'expiresAt'>),
    seq: Number(id.slice(0, id.indexOf('-'))),
    sentAt: Number(sentAt),
    expiresAt: Number(expiresAt),
  };
}

function readReceipts(values: readonly (string | null)[]): InboxItem['receipts'] {
  const found = RECEIPT_KINDS.flatMap((kind, i) => {
    const value = values[i];
    if (value === null || value === undefined) return [];
    const space = value.indexOf(' ');
    const receipt: RecordedReceipt = { at: Number(value.slice(0, space)), device: value.slice(space + 1) };
    return [[kind, receipt] as const];
  });
  return Object.fromEntries(found);
}
