export { CloudJobClient, type CloudJobClientOptions } from './client/cloudjob-client.js';
export { defineJob, type DefinedJob, type JobData } from './client/define-job.js';
export { Worker, type WorkerOptions } from './client/worker.js';
export type { JobInput } from './client/job-input.js';
export type {
  CalendarSummary,
  CalendarView,
  ExecutionView,
  JobView,
  SchedulePreview,
  TriggerView,
} from './client/views.js';
export type { CalendarInput } from './domain/calendar.js';
export type { TriggerInput } from './domain/trigger.js';
export { CloudJobError, ValidationError, type ErrorCode, type Violation } from './domain/errors.js';
export { cancel, discard, done, retryIn, type HandlerOutcome } from './domain/handler-outcome.js';
export { AttemptAborted, type JobContext } from './workers/job-context.js';
export type { Handler } from './workers/handler-registry.js';
export type { Logger } from './runtime/logger.js';
