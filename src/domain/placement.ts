import type { Job } from './job.js';
import { placementHash, shardOfJob, type ShardId } from './shard.js';
import { DEFAULT_TRIGGER, jobKeyOfTrigger, triggerName, type TriggerKey } from './trigger.js';

/**
 * The shard in which a trigger of a partitioned job lives: spread by its key, except `default`, which lives with
 * the job itself, so that a job and its inline schedule are written in one transition. Never to be changed.
 */
export function shardOfSpreadTrigger(key: TriggerKey, shardCount: number): ShardId {
  if (triggerName(key) === DEFAULT_TRIGGER) return shardOfJob(jobKeyOfTrigger(key), shardCount);
  return placementHash(key) % shardCount;
}

/** The shard in which a trigger lives: with its job, or spread. */
export function shardOfTrigger(key: TriggerKey, job: Pick<Job, 'partitioned'>, shardCount: number): ShardId {
  return job.partitioned === true
    ? shardOfSpreadTrigger(key, shardCount)
    : shardOfJob(jobKeyOfTrigger(key), shardCount);
}
