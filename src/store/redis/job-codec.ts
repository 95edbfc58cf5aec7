import { InvariantError } from '../../domain/errors.js';
import { splitJobKey, type Job, type JobDefinition, type JobKey } from '../../domain/job.js';
import { laneOf } from '../../domain/target.js';
import { canonicalJson, parseJson } from './canonical-json.js';
import { orderPrefix } from './execution-codec.js';

/**
 * A job is stored as three lines: state, definition as JSON, reason of the pause as JSON text (or nothing).
 *
 *     version|createdAt|updatedAt|pausedSince|resumedAt|lane ppp|maxAttempts|[p|]succeededMs|failedMs
 *
 * From the lane on it says again, for the scripts, what the definition says in JSON; `p` = partitioned. A value that
 * begins with `-` marks a job whose triggers are still being deleted: `-`, or `-createdAt|version` if it was
 * partitioned.
 */
export interface JobWrite {
  readonly definitionJson: string;
  /** The end of the state line, from the lane on. */
  readonly facts: string;
}

export function encodeJob(definition: JobDefinition): JobWrite {
  const { queue, target, priority, retry, retention, partitioned } = definition;
  const kept = `${partitioned === true ? 'p|' : ''}${retention.succeededMs}|${retention.failedMs}`;
  return {
    definitionJson: canonicalJson(definition),
    facts: `${orderPrefix(laneOf(queue, target), priority)}|${retry.maxAttempts}|${kept}`,
  };
}

/** Whether what is stored of a job says only that it is being deleted. */
export function isMark(value: string): boolean {
  return value.startsWith('-');
}

export function isPartitionedRecord(value: string): boolean {
  return /^[^\n]*\|p\|\d+\|\d+\n/.test(value);
}

/** Null for a job that is being deleted. */
export function decodeJob(key: JobKey, value: string): Job | null {
  if (isMark(value)) return null;
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
