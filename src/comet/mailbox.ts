import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { Unsubscribe } from '../store/execution-store.js';
import type { Message, MessageContent } from './message.js';

/** A user of one namespace. */
export interface UserRef {
  readonly namespace: string;
  readonly user: string;
}

export type UserKey = `${string}/${string}`;

export function userKeyOf(user: UserRef): UserKey {
  return `${user.namespace}/${user.user}`;
}

/**
 * A place in a user's sequence: everything up to and including `seq` is known. Sequence numbers mean something
 * only within their epoch; a mailbox whose data was lost starts a new epoch at 1.
 */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

export interface NewMessage extends MessageContent {
  /** The same key within the message's life (at least a day) is stored once. */
  readonly key: string;
  readonly scheduledAt?: EpochMs | undefined;
  readonly ttlMs: DurationMs;
}

export interface AppendResult {
  readonly epoch: string;
  readonly seq: number;
  /** The key was known: nothing was stored, `seq` is that of the stored message, `message` is absent. */
  readonly duplicate: boolean;
  readonly message?: Message;
  /** Comet nodes that hold connections of the user, each once. */
  readonly nodes: readonly string[];
  /** Messages that the length cap pushed out before any device had acknowledged them. */
  readonly droppedCount: number;
}

export interface ReadRequest {
  /** Read on from here. Absent: from what `device` has acknowledged, else from the start. */
  readonly after?: Position | undefined;
  readonly device?: string | undefined;
  readonly limit: number;
}

export interface MailboxPage {
  /** Empty text while nothing was ever stored for the user. */
  readonly epoch: string;
  /** Highest sequence number given so far; 0 = none. */
  readonly top: number;
  /** Where reading really started; differs from what was asked for only if `recovered` is false. */
  readonly from: number;
  /** Up to here, inclusive, the page is complete: numbers that are not in it have expired or were dismissed. */
  readonly through: number;
  /** False when messages after the asked position are gone for another reason than their own expiry. */
  readonly recovered: boolean;
  /** Sequence number of the oldest message that is kept; `top` + 1 when there is none. */
  readonly earliest: number;
  /** Ascending by `seq`; at most `limit`. */
  readonly messages: readonly Message[];
}

export type TransportKind = 'websocket' | 'sse';

/** Where one connection of a user is held. */
export interface Route {
  readonly connection: string;
  /** The node's id, new with every start of the process. */
  readonly node: string;
  readonly transport: TransportKind;
  readonly device: string;
}

export interface PutRouteResult {
  /** `limit`: the user has as many connections as allowed, cluster-wide; nothing was written. */
  readonly outcome: 'stored' | 'limit';
  readonly epoch: string;
  readonly top: number;
}

export interface RouteRefresh {
  readonly user: UserRef;
  readonly route: Route;
  /** Last position that was sent on the connection. */
  readonly position: Position;
}

export const RECEIPT_KINDS = ['displayed', 'clicked', 'snoozed', 'dismissed'] as const;
export type ReceiptKind = (typeof RECEIPT_KINDS)[number];

/** What a user did with a message. The first of each kind counts, later ones change nothing. */
export interface Receipt {
  readonly position: Position;
  readonly kind: ReceiptKind;
  readonly device: string;
}

export interface RecordedReceipt {
  readonly at: EpochMs;
  readonly device: string;
}

export type ReceiptOutcome = 'recorded' | 'repeated' | 'unknown';

export interface InboxItem {
  readonly message: Message;
  /** At least one device has acknowledged it. */
  readonly delivered: boolean;
  readonly receipts: { readonly [K in ReceiptKind]?: RecordedReceipt };
}

export interface InboxPage {
  readonly epoch: string;
  readonly top: number;
  /** Newest first, without expired ones. */
  readonly items: readonly InboxItem[];
  /** Sequence number to pass as `before` for the next page; absent on the last one. */
  readonly nextBefore?: number;
}

/** What one node tells another about a user whose connections it holds. Hints: may be lost or come twice. */
export type NodeEvent =
  | { readonly type: 'message'; readonly user: UserKey; readonly epoch: string; readonly message: Message }
  /** Something up to `seq` was stored; whoever has not sent it reads it. */
  | { readonly type: 'top'; readonly user: UserKey; readonly epoch: string; readonly seq: number }
  | {
      readonly type: 'receipt';
      readonly user: UserKey;
      readonly epoch: string;
      readonly seq: number;
      readonly kind: ReceiptKind;
      readonly device: string;
    };

export interface NodeListener {
  readonly onEvents: (events: readonly NodeEvent[]) => void;
  /** Events may have been missed: check every connection against its mailbox. */
  readonly onGap: () => void;
}

/**
 * Users' mailboxes and where their connections are. One sequence per user serves the mailbox and the live
 * stream, and appending reads the routes in the same step: a connection that writes its route first and reads
 * its backlog second misses nothing. All methods may throw `StoreUnavailableError` and may be repeated.
 */
export interface Mailbox {
  append(user: UserRef, message: NewMessage): Promise<AppendResult>;

  /** Read only. */
  read(user: UserRef, request: ReadRequest): Promise<MailboxPage>;

  /** Newest first, with what the user did. `before` is exclusive; a page may be short and still have a next one. */
  listInbox(user: UserRef, page: { readonly before?: number | undefined; readonly limit: number }): Promise<InboxPage>;

  /**
   * Everything up to the position has reached the device. Only moves forward; false when the position is of
   * another epoch or beyond the top, and then nothing changed.
   */
  acknowledge(user: UserRef, device: string, position: Position): Promise<boolean>;

  /** Records what the user did; `nodes` are to be told. `unknown`: other epoch, or no such message. */
  recordReceipt(user: UserRef, receipt: Receipt): Promise<{ outcome: ReceiptOutcome; nodes: readonly string[] }>;

  /**
   * Writes the route and, if there is none yet, the mailbox's epoch. A position of this epoch beyond the top
   * proves that the store has lost messages: the mailbox then goes on under a new epoch.
   */
  putRoute(user: UserRef, route: Route, position?: Position): Promise<PutRouteResult>;

  /** Removes the route if it is still this node's. */
  removeRoute(user: UserRef, route: Pick<Route, 'connection' | 'node'>): Promise<void>;

  /** Keeps routes alive (also those that the store has lost), in the order given, without the limit. Due every `ROUTE_REFRESH_MS`. */
  refreshRoutes(routes: readonly RouteRefresh[]): Promise<readonly { epoch: string; top: number }[]>;

  /** Sends to the node's channel; nobody may be listening. */
  publish(node: string, events: readonly NodeEvent[]): Promise<void>;

  subscribe(node: string, listener: NodeListener): Promise<Unsubscribe>;
}

export interface MailboxLimits {
  /** Messages kept per user; beyond it the oldest go, seen or not. @default 200 */
  readonly messages: number;
  /** Connections per user over all nodes. @default 16 */
  readonly connections: number;
}

export const DEFAULT_MAILBOX_LIMITS: MailboxLimits = { messages: 200, connections: 16 };

/** Devices whose acknowledgements are kept; the one that was silent longest gives way. */
export const MAX_DEVICES = 32;

export const ROUTE_REFRESH_MS: DurationMs = 60_000;
/** A route that was not refreshed for so long is taken for that of a dead node. */
export const ROUTE_TTL_MS: DurationMs = 210_000;

/** A mailbox in which nothing happens keeps its epoch for so long, and longer than any message in it. */
export const MAILBOX_IDLE_MS: DurationMs = 7_776_000_000;

/** A key is remembered for at least so long. */
export const MIN_DEDUP_MS: DurationMs = 86_400_000;
