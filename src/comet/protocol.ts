import { z } from 'zod';
import { NAME } from '../domain/limits.js';
import { RECEIPT_KINDS, type ReceiptKind } from './mailbox.js';
import type { WireMessage } from './message.js';

/**
 * The comet protocol, version 1: JSON texts over WebSocket (subprotocol `cloudjob.v1`), and the same frames as
 * server-sent events.
 *
 *   client                                server
 *   hello {device, position?}      →
 *                                  ←      ready {epoch, from, top, recovered, earliest, …}
 *                                  ←      messages {after, through, items}   backlog, in pages
 *                                  ←      messages {after, through, items}   live, as they come
 *   ack {epoch, seq}               →      cumulative, for the device
 *   receipt {epoch, seq, kind}     →
 *                                  ←      receipt {…}   what the user did on another device
 *   sync {seq}                     →      "I have everything up to seq, go on from there"
 *   refresh {ticket}               →      a new ticket before the old one ends
 *                                  ←      refreshed {ticketMs}
 *                                  ←      ping
 *   pong                           →
 *                                  ←      reset {epoch, from, …}   the mailbox goes on under a new epoch
 *                                  ←      moved {delayMs}   connect elsewhere, after so long
 *
 * A client keeps a position (epoch, seq). It takes a `messages` frame whose `after` is not beyond its position,
 * leaves out items it has, and then stands at `through`; on a frame further on it asks `sync`.
 */
export const SUBPROTOCOL = 'cloudjob.v1';
export const TICKET_SUBPROTOCOL_PREFIX = 'cloudjob.ticket.';

const positionFields = { epoch: z.string().min(1).max(32), seq: z.int().min(0) };

const clientFrameSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    device: NAME,
    position: z.strictObject(positionFields).optional(),
  }),
  z.strictObject({ type: z.literal('ack'), ...positionFields }),
  z.strictObject({ type: z.literal('receipt'), ...positionFields, kind: z.enum(RECEIPT_KINDS) }),
  z.strictObject({ type: z.literal('sync'), seq: z.int().min(0) }),
  z.strictObject({ type: z.literal('refresh'), ticket: z.string().max(1024) }),
  z.strictObject({ type: z.literal('pong') }),
]);

export type ClientFrame = z.output<typeof clientFrameSchema>;

/** What may be posted where there is no way back on the connection itself. */
export const acknowledgementSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ack'), device: NAME, ...positionFields }),
  z.strictObject({ type: z.literal('receipt'), device: NAME, ...positionFields, kind: z.enum(RECEIPT_KINDS) }),
]);

export type Acknowledgement = z.output<typeof acknowledgementSchema>;

/** Null when the text is not a frame of this protocol. */
export function parseClientFrame(text: string): ClientFrame | null {
  if (text === '{"type":"pong"}') return { type: 'pong' };
  try {
    return clientFrameSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

interface StartFacts {
  readonly epoch: string;
  /** The client stands here now, whatever it said. */
  readonly from: number;
  readonly top: number;
  /** False: messages after the position that the client named are gone; it begins anew at `from`. */
  readonly recovered: boolean;
  readonly earliest: number;
}

export type ServerFrame =
  | ({
      readonly type: 'ready';
      readonly connection: string;
      /** A connection on which nothing comes for this long plus `pongMs` is dead. */
      readonly pingMs: number;
      readonly pongMs: number;
      /** Time left to the ticket; relative, since clients' clocks may be wrong. */
      readonly ticketMs: number;
    } & StartFacts)
  | ({ readonly type: 'reset' } & StartFacts)
  | {
      readonly type: 'messages';
      readonly epoch: string;
      /** Exclusive lower end of what the frame covers. */
      readonly after: number;
      /** Inclusive upper end; numbers in between that are not in `items` have expired or were dismissed. */
      readonly through: number;
      readonly items: readonly WireMessage[];
    }
  | {
      readonly type: 'receipt';
      readonly epoch: string;
      readonly seq: number;
      readonly kind: ReceiptKind;
      readonly device: string;
    }
  | { readonly type: 'refreshed'; readonly ticketMs: number }
  | { readonly type: 'moved'; readonly delayMs: number }
  | { readonly type: 'ping' };

/**
 * Codes with which the server closes. 4000–4099: do not come back like this; 4100–4199: come back after a
 * growing delay; 4200–4299: come back soon, nothing is wrong. The close reason is JSON:
 * `{"reason", "reconnect", "delayMs", "jitterMs"}`; wait `delayMs` plus a random part of `jitterMs`.
 */
export const CLOSE_CODES = {
  4000: { reason: 'protocol', reconnect: false, delayMs: 0, jitterMs: 0 },
  4001: { reason: 'ticket-refused', reconnect: false, delayMs: 0, jitterMs: 0 },
  /** Come back with a new ticket, or not at all. */
  4002: { reason: 'ticket-expired', reconnect: false, delayMs: 0, jitterMs: 0 },
  4100: { reason: 'unavailable', reconnect: true, delayMs: 1000, jitterMs: 4000 },
  4101: { reason: 'slow', reconnect: true, delayMs: 500, jitterMs: 1500 },
  4102: { reason: 'silent', reconnect: true, delayMs: 0, jitterMs: 2000 },
  4103: { reason: 'rate', reconnect: true, delayMs: 5000, jitterMs: 5000 },
  /** Among those that count may be routes of a node that died: they lapse within minutes. */
  4104: { reason: 'user-limit', reconnect: true, delayMs: 30_000, jitterMs: 30_000 },
  4200: { reason: 'moved', reconnect: true, delayMs: 0, jitterMs: 1000 },
} as const;

export type CloseCode = keyof typeof CLOSE_CODES;

/** The text that goes with a close code; fits the 123 bytes of a WebSocket close frame. */
export function closeReason(code: CloseCode): string {
  return JSON.stringify(CLOSE_CODES[code]);
}
