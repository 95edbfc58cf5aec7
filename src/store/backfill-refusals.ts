import { NotFoundError, ValidationError } from '../domain/errors.js';
import type { JobKey } from '../domain/job.js';
import { MAX_BACKFILLS } from './backfill-store.js';

export function noJob(job: JobKey): NotFoundError {
  return new NotFoundError('CJ_JOB_NOT_FOUND', `there is no job ${job}`, { job });
}

export function tooManyBackfills(): ValidationError {
  const message = `there is no room for another backfill in the shard of this job`;
  return new ValidationError([
    { field: 'id', message, allowed: `${MAX_BACKFILLS}, ended ones of seven days included` },
  ]);
}
