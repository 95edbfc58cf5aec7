import { InvariantError } from '../../domain/errors.js';
import { splitJobKey, type Job, type JobDefinition, type JobKey } from '../../domain/job.js';
import { laneOf } from '../../domain/target.js';
import { canonicalJson, parseJson } from './canonical-json.js';
import { orderPrefix } from './execution-codec.js';

/**
 * A job is stored as three lines: state, definition as JSON, reason of the pause as JSON text (or nothing).
 *
 *     version|createdAt|updatedAt|pausedSince|resumedAt|lane ppp|maxAttempts|succeededMs|failedMs
 *
 * The last four say again, for the scripts, what the definition says in JSON. `- ` as the whole value marks a
 * job whose triggers are still being deleted.
 */
export interface JobWrite {
  readonly definitionJson: string;
  /** The last four fields of the state line. */
  readonly facts: string;
}

export function encodeJob(definition: JobDefinition): JobWrite {
  const { queue, target, priority, retry, retention } = definition;
  return {
    definitionJson: canonicalJson(definition),
    facts: `${orderPrefix(laneOf(queue, target), priority)}|${retry.maxAttempts}|${retention.succeededMs}|${retention.failedMs}`,
  };
}

/** Null for a job that is being deleted. */
export function decodeJob(key: JobKey, value: string): Job | null {
  if (value.startsWith('-')) return null;
  const [state = '', definition = '', pauseReason = ''] = value.split('\n');
  const [version, createdAt, updatedAt, pausedSince, resumedAt] = state.split('|');
  if (version === undefined || updatedAt === undefined) throw new InvariantError(`the record of job ${key} is damaged`);
  return {
    ...(parseJson(definition) as unknown as JobDefinition),
    ...splitJobKey(key),
    version: Number(version),
    createdAt: Number(createdAt),
    updatedAt: Number(updatedAt),
    ...(pausedSince ? { pause: { since: Number(pausedSince), reason: parseJson(pauseReason) as string } } : {}),
    ...(resumedAt ? { resumedAt: Number(resumedAt) } : {}),
  };
}
