import { z } from 'zod';
import type { JsonValue } from '../domain/json.js';
import { MESSAGE_LIMITS } from '../domain/limits.js';
import { toIso, type DurationMs, type EpochMs } from '../domain/time/instant.js';

/** What a sender writes. */
export interface MessageContent {
  readonly title: string;
  readonly body?: string | undefined;
  readonly data?: JsonValue | undefined;
}

/** The content as untrusted input. */
export const messageContentSchema = z.strictObject({
  title: z.string().min(1).max(MESSAGE_LIMITS.titleLength),
  body: z.string().max(MESSAGE_LIMITS.bodyLength).optional(),
  data: z
    .json()
    .refine((data) => Buffer.byteLength(JSON.stringify(data)) <= MESSAGE_LIMITS.dataBytes, {
      error: `must not be larger than ${MESSAGE_LIMITS.dataBytes} bytes as JSON`,
    })
    .optional(),
});

/** A message as a mailbox keeps it, for one user. */
export interface Message extends MessageContent {
  /** Position in the user's sequence, from 1, without holes at the time of writing. */
  readonly seq: number;
  /** Names the message across repeated sends: the same key is stored once. */
  readonly key: string;
  /** The instant for which it was planned, where it was planned. */
  readonly scheduledAt?: EpochMs | undefined;
  /** When the mailbox took it, by the mailbox's clock. */
  readonly sentAt: EpochMs;
  /** From this instant on, inclusive, it is no longer handed out. */
  readonly expiresAt: EpochMs;
}

/** A message as it leaves the process: instants in ISO 8601. */
export interface WireMessage extends MessageContent {
  readonly seq: number;
  readonly key: string;
  readonly scheduledAt?: string;
  readonly sentAt: string;
  readonly expiresAt: string;
}

export function toWireMessage(message: Message): WireMessage {
  return {
    seq: message.seq,
    key: message.key,
    title: message.title,
    ...(message.body === undefined ? {} : { body: message.body }),
    ...(message.data === undefined ? {} : { data: message.data }),
    ...(message.scheduledAt === undefined ? {} : { scheduledAt: toIso(message.scheduledAt) }),
    sentAt: toIso(message.sentAt),
    expiresAt: toIso(message.expiresAt),
  };
}

export const DEFAULT_MESSAGE_TTL_MS: DurationMs = 2_592_000_000;
export const MIN_MESSAGE_TTL_MS: DurationMs = 1000;
export const MAX_MESSAGE_TTL_MS: DurationMs = 31_536_000_000;
