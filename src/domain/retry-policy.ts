import { z } from 'zod';
import type { DurationMs } from './time/instant.js';

export const retryPolicySchema = z.strictObject({
  /** Tries in all, the first included. */
  maxAttempts: z.int().min(1).max(100).default(3),
  backoff: z
    .strictObject({
      type: z.enum(['fixed', 'exponential']).default('exponential'),
      initialMs: z.int().min(0).max(86_400_000).default(1000),
      maxMs: z.int().min(0).max(86_400_000).default(60_000),
    })
    .prefault({}),
});

export type RetryPolicy = z.output<typeof retryPolicySchema>;

/**
 * Wait before the next attempt, after attempt number `attempt` (first = 1) has failed.
 * `unitRandom` in [0, 1) spreads retries over the upper half of the backoff, so that failures of one cause
 * do not return as one burst. Never above `backoff.maxMs`.
 */
export function retryDelay(policy: RetryPolicy, attempt: number, unitRandom: number): DurationMs {
  const { type, initialMs, maxMs } = policy.backoff;
  const full = type === 'fixed' ? initialMs : initialMs * 2 ** Math.min(attempt - 1, 40);
  const capped = Math.min(full, maxMs);
  return Math.round(capped / 2 + (capped / 2) * unitRandom);
}
