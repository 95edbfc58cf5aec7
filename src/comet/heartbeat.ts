import type { DurationMs } from '../domain/time/instant.js';
import type { Clock } from '../runtime/clock.js';

export interface HeartbeatConfig {
  /** Time between pings. Smaller: dead clients are found sooner, more traffic. @default 25000 */
  readonly pingMs: DurationMs;
  /** Time in which something must come in after a ping. @default 10000 */
  readonly pongMs: DurationMs;
}

/** `ping`: send one now. `silent`: the client did not answer the last one in time. */
export type HeartbeatAction = 'ping' | 'silent' | 'none';

/** When to ping one client, and whether it is still there. Only what comes in proves that; what goes out proves nothing. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #config: HeartbeatConfig;
  #heardAt: number;
  #pingedAt: number;

  constructor({ clock }: { clock: Clock }, config: HeartbeatConfig) {
    this.#clock = clock;
    this.#config = config;
    this.#heardAt = clock.monotonicNow();
    this.#pingedAt = this.#heardAt;
  }

  /** Something came in. */
  heard(): void {
    this.#heardAt = this.#clock.monotonicNow();
  }

  /** What is due now, and when to ask again. */
  check(expectsAnswer: boolean): { readonly action: HeartbeatAction; readonly againInMs: DurationMs } {
    const { pingMs, pongMs } = this.#config;
    const now = this.#clock.monotonicNow();
    const sinceMs = now - this.#pingedAt;
    const isAnswered = !expectsAnswer || this.#heardAt >= this.#pingedAt;
    if (!isAnswered && sinceMs >= pongMs) return { action: 'silent', againInMs: 0 };
    if (sinceMs < pingMs) return { action: 'none', againInMs: (isAnswered ? pingMs : pongMs) - sinceMs };
    this.#pingedAt = now;
    return { action: 'ping', againInMs: expectsAnswer ? pongMs : pingMs };
  }
}
