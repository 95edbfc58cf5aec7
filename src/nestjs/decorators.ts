import { Inject } from '@nestjs/common';
import type { DefinedJob } from '../client/define-job.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { ClusterEvent, ClusterEventType } from '../store/event-bus.js';
import { CLOUDJOB_CLIENT } from './cloudjob-connection.js';
import type { DurationText } from './duration.js';
import type { CronOptions, EveryOptions } from './job-options.js';
import { declares } from './method-declaration.js';

/** What a listener is given: `type`, `at` and `facts` (job, trigger, execution, …). */
export type JobEvent = ClusterEvent;
export type JobEventType = Exclude<ClusterEventType, 'leader-changed' | 'rescued' | 'calendar-changed' | 'replanned'>;

/**
 * Runs the method at the times of a cron expression, or once at a `Date`: once in the whole cluster, however
 * many replicas declare it. Takes the options of @nestjs/schedule, and those of a job.
 */
export function Cron(cron: string | Date, options: CronOptions = {}): MethodDecorator {
  return declares('Cron', { type: 'cron', cron, options });
}

/** Runs the method once per period in the whole cluster: `@Every('30s')` or `@Every(30_000)`. At least 100 ms. */
export function Every(every: DurationMs | DurationText, options: EveryOptions = {}): MethodDecorator {
  return declares('Every', { type: 'every', every, options });
}

/**
 * Runs the method for executions of a job: one made by `defineJob`, which is also declared at boot and whose
 * data is checked, or any job whose target names this handler.
 */
export function JobHandler(job: string): MethodDecorator;
export function JobHandler<T>(job: DefinedJob<T>): MethodDecorator;
export function JobHandler(job: string | DefinedJob<unknown>): MethodDecorator {
  return declares('JobHandler', { type: 'handler', job });
}

/**
 * Calls the method when something happens to a job, or to any with `*`. For watching only: every replica is
 * called, nothing is stored, and under load events may be left out.
 */
export function OnJobEvent(job: string, event: JobEventType): MethodDecorator {
  return declares('OnJobEvent', { type: 'listener', job, event });
}

/** Injects the `JobClient` of the module. */
export function InjectCloudJob(): ParameterDecorator & PropertyDecorator {
  return Inject(CLOUDJOB_CLIENT);
}
