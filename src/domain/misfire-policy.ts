import { z } from 'zod';

/**
 * What happens to fires that are found late by more than `graceMs`. Within the grace every nominal time
 * fires. Beyond it: `fireOnce` fires the latest and records the others as missed, `fireAll` fires each,
 * `skip` records each as missed. `maxAgeMs` and `maxCount` bound `fireOnce` and `fireAll`.
 */
export const misfirePolicySchema = z.strictObject({
  policy: z.enum(['fireOnce', 'fireAll', 'skip']).default('fireOnce'),
  graceMs: z.int().min(1000).max(86_400_000).default(60_000),
  maxAgeMs: z.int().min(1000).max(31_536_000_000).default(86_400_000),
  maxCount: z.int().min(1).max(1000).default(100),
});

export type MisfirePolicy = z.output<typeof misfirePolicySchema>;
