import Redlock, { ExecutionError, ResourceLockedError, type Lock } from 'redlock';
import { ConfigError, StoreUnavailableError } from '../domain/errors.js';
import type { Clock } from '../runtime/clock.js';
import type { GrantedLease, LeaseGranter } from './lease-granter.js';

export interface RedlockLeasesDeps {
  readonly clock: Clock;
  /** One Redis client for each independent server (or cluster), connected; an odd number. Not closed here. */
  readonly clients: readonly unknown[];
}

export interface RedlockLeasesConfig {
  /** Longest wait for the servers' votes. */
  readonly callTimeoutMs: number;
}

/**
 * Leases by redlock, the only file that knows the library. What it is kept from: repeating on its own (its
 * waits cannot be stopped), an even number of servers (it never settles on a tie) and waiting for a server
 * that does not answer. Its own reckoning of how long a lease lasts is by the wall clock and is not used.
 */
export class RedlockLeases implements LeaseGranter {
  readonly #clock: Clock;
  readonly #callTimeoutMs: number;
  readonly #redlock: Redlock;

  /** Errors: `ConfigError` for an even number of clients. */
  constructor(deps: RedlockLeasesDeps, config: RedlockLeasesConfig) {
    if (deps.clients.length % 2 === 0) {
      throw new ConfigError('leases need an odd number of Redis servers', { count: deps.clients.length });
    }
    this.#clock = deps.clock;
    this.#callTimeoutMs = config.callTimeoutMs;
    this.#redlock = new Redlock(deps.clients, { retryCount: 0 });
  }

  async acquire(name: string, durationMs: number): Promise<GrantedLease | undefined> {
    const acquiring = this.#redlock.acquire([name], durationMs);
    const giveBack = (lock: Lock): void => void lock.release().catch(() => undefined);
    const lock = await this.#vote(name, acquiring, giveBack);
    return lock === undefined ? undefined : this.#grant(name, lock);
  }

  #grant(name: string, granted: Lock): GrantedLease {
    let lock = granted;
    return {
      extend: async (durationMs) => {
        const extended = await this.#vote(name, lock.extend(durationMs), (late) => (lock = late));
        if (extended !== undefined) lock = extended;
        return extended !== undefined;
      },
      release: async () => {
        await this.#vote(name, lock.release(), () => undefined).catch(() => undefined);
      },
    };
  }

  /** Undefined when a majority says that another holds the name; `onLate` gets what comes after the time-out. */
  async #vote<T>(name: string, call: Promise<T>, onLate: (result: T) => void): Promise<T | undefined> {
    let isOver = false;
    const decided = call.catch((error: unknown) => this.#explain(name, error));
    void decided.then(
      (result) => (isOver && result !== undefined ? onLate(result) : undefined),
      () => undefined,
    );
    return await new Promise<T | undefined>((resolve, reject) => {
      const cancel = this.#clock.setTimer(this.#callTimeoutMs, () => {
        isOver = true;
        reject(
          new StoreUnavailableError('CJ_REDIS_TIMEOUT', `lease ${name}: too few answers in time`, {
            details: { name },
          }),
        );
      });
      decided
        .then(resolve, reject)
        .finally(cancel)
        .catch(() => undefined);
    });
  }

  async #explain(name: string, error: unknown): Promise<undefined> {
    const stats = error instanceof ExecutionError ? await error.attempts.at(-1) : undefined;
    const refusals = [...(stats?.votesAgainst.values() ?? [])];
    const isHeld = refusals.filter((vote) => vote instanceof ResourceLockedError).length >= (stats?.quorumSize ?? 1);
    // An extension after its end by the wall clock is refused without a vote.
    const isOver = error instanceof ExecutionError && error.attempts.length === 0;
    if (isHeld || isOver) return undefined;
    throw new StoreUnavailableError('CJ_REDIS_UNAVAILABLE', `lease ${name}: no majority of the servers`, {
      details: { name },
      cause: refusals[0] ?? error,
    });
  }
}
