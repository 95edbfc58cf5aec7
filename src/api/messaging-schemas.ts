import { z } from 'zod';
import { RECEIPT_KINDS } from '../comet/mailbox.js';
import { messageContentSchema, MAX_MESSAGE_TTL_MS, MIN_MESSAGE_TTL_MS } from '../comet/message.js';
import { DEFAULT_TICKET_TTL_MS, MAX_TICKET_TTL_MS, MIN_TICKET_TTL_MS } from '../comet/tickets.js';
import { NAME, USER_ID } from '../domain/limits.js';

/** Bodies and answers of messages, inboxes, tickets and the gate. */

/** Names a message across repeated requests; the same key stores it once per user. */
export const dedupKeySchema = z.string().min(1).max(255);

export const messageInputSchema = z.strictObject({
  users: z.array(USER_ID).min(1).max(1000),
  message: messageContentSchema,
  dedupKey: dedupKeySchema.optional(),
  ttlMs: z.int().min(MIN_MESSAGE_TTL_MS).max(MAX_MESSAGE_TTL_MS).optional(),
});

export const ticketInputSchema = z.strictObject({
  ttlMs: z.int().min(MIN_TICKET_TTL_MS).max(MAX_TICKET_TTL_MS).default(DEFAULT_TICKET_TTL_MS),
});

/** What a device says where there is no way back on its connection. */
export const acknowledgementInputSchema = z.strictObject({
  type: z.enum(['ack', 'receipt']),
  device: NAME,
  epoch: z.string(),
  seq: z.int(),
  kind: z.enum(RECEIPT_KINDS).optional(),
});

const instant = z.iso.datetime();

export const sentMessageViewSchema = z.strictObject({
  user: z.string(),
  outcome: z
    .enum(['delivered', 'stored', 'duplicate'])
    .describe('delivered: handed to the nodes of live connections; stored: waits; duplicate: the key was known'),
  epoch: z.string(),
  seq: z.int(),
});

const receiptViewSchema = z.strictObject({ at: instant, device: z.string() });

export const inboxViewSchema = z.strictObject({
  seq: z.int(),
  epoch: z.string(),
  key: z.string(),
  title: z.string(),
  body: z.string().optional(),
  data: z.json().optional(),
  scheduledAt: instant.optional(),
  sentAt: instant,
  expiresAt: instant,
  state: z.enum(['stored', 'delivered', ...RECEIPT_KINDS]),
  isRead: z.boolean(),
  receipts: z.strictObject({
    displayed: receiptViewSchema.optional(),
    clicked: receiptViewSchema.optional(),
    snoozed: receiptViewSchema.optional(),
    dismissed: receiptViewSchema.optional(),
  }),
});

export const ticketViewSchema = z.strictObject({ ticket: z.string(), expiresAt: instant });

export const gateNodesViewSchema = z.strictObject({
  nodes: z.array(z.strictObject({ url: z.string() })),
  backoff: z.strictObject({ baseMs: z.number(), maxMs: z.number(), factor: z.number(), jitter: z.number() }),
  heartbeatMs: z.int(),
});

export const gateViewSchema = gateNodesViewSchema.extend({ ticket: z.string(), ticketExpiresAt: instant });

export const acceptedViewSchema = z.strictObject({
  accepted: z.boolean().describe('false: the mailbox does not know the position'),
});
