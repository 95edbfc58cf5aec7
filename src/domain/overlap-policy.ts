import { z } from 'zod';

/**
 * What happens to a fire while the previous execution of the same trigger has not ended: `skip` records it
 * as skipped, `allow` runs both.
 */
export const overlapPolicySchema = z.enum(['skip', 'allow']);

export type OverlapPolicy = z.output<typeof overlapPolicySchema>;
