import { ConflictError } from '../domain/errors.js';
import type { TriggerKey } from '../domain/trigger.js';

/** Why a write of triggers is refused, in the same words by every store. */
export function dueConflict(triggers: readonly TriggerKey[]): ConflictError {
  const [first, ...others] = triggers;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return new ConflictError('CJ_DUE_CONFLICT', `trigger ${first}${more} is due, which is not decided yet`, { triggers });
}
