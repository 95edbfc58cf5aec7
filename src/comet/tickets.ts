import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { DurationMs, EpochMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';
import type { UserRef } from './mailbox.js';

export interface IssuedTicket {
  readonly ticket: string;
  readonly expiresAt: EpochMs;
}

export type TicketCheck =
  | ({ readonly valid: true; readonly expiresAt: EpochMs } & UserRef)
  | { readonly valid: false; readonly reason: 'refused' | 'expired' };

/**
 * Short-lived proofs that the holder may connect as one user: `<payload>.<HMAC-SHA256>`, both in base64url. The
 * key is derived from the API key, so every node that knows the API key can check a ticket, and nothing is
 * stored.
 */
export class Tickets {
  readonly #clock: Clock;
  readonly #key: Buffer;

  constructor({ clock }: { clock: Clock }, { apiKey }: { readonly apiKey: string }) {
    this.#clock = clock;
    this.#key = Buffer.from(hkdfSync('sha256', apiKey, '', 'cloudjob user ticket v1', 32));
  }

  issue({ namespace, user }: UserRef, ttlMs: DurationMs): IssuedTicket {
    const expiresAt = this.#clock.now() + ttlMs;
    const claims = [1, namespace, user, expiresAt, randomBytes(6).toString('base64url')];
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return { ticket: `${payload}.${this.#sign(payload).toString('base64url')}`, expiresAt };
  }

  check(ticket: string): TicketCheck {
    const dot = ticket.indexOf('.');
    if (dot < 1 || ticket.length > MAX_TICKET_LENGTH) return { valid: false, reason: 'refused' };
    const payload = ticket.slice(0, dot);
    const signature = Buffer.from(ticket.slice(dot + 1), 'base64url');
    const expected = this.#sign(payload);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      return { valid: false, reason: 'refused' };
    }
    // Signed with our key, hence of the shape that `issue` writes.
    const [version, namespace, user, expiresAt] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [
      number,
      string,
      string,
      EpochMs,
    ];
    if (version !== 1) return { valid: false, reason: 'refused' };
    if (expiresAt <= this.#clock.now()) return { valid: false, reason: 'expired' };
    return { valid: true, namespace, user, expiresAt };
  }

  #sign(payload: string): Buffer {
    return createHmac('sha256', this.#key).update(payload).digest();
  }
}

export const MAX_TICKET_LENGTH = 1024;
export const DEFAULT_TICKET_TTL_MS: DurationMs = 3_600_000;
export const MIN_TICKET_TTL_MS: DurationMs = 1000;
export const MAX_TICKET_TTL_MS: DurationMs = 86_400_000;
