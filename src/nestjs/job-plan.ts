import type { DefinedJob } from '../client/define-job.js';
import { parseJobInput, type JobInput } from '../client/job-input.js';
import { CloudJobError, ConfigError } from '../domain/errors.js';
import type { ClusterEvent, ClusterEventType } from '../store/event-bus.js';
import type { JobContext } from '../workers/job-context.js';
import type { CloudJobModuleSettings } from './cloudjob-options.js';
import { durationMs } from './duration.js';
import type { CronOptions, DeclaredJobOptions, EveryOptions } from './job-options.js';
import { duplicateName, fractionalUtcOffset, ignoredOptions, invalidDeclaration } from './messages.js';
import type { MethodDeclaration } from './method-declaration.js';

/** A decorated method, found in the running application. */
export interface DeclaredMethod {
  /** `Class.method`. */
  readonly place: string;
  readonly declarations: readonly MethodDeclaration[];
  /** Calls the method with the provider as `this`. */
  readonly call: (argument: JobContext | ClusterEvent) => unknown;
}

export interface PlannedHandler {
  readonly name: string;
  readonly place: string;
  readonly defined?: DefinedJob<unknown>;
  readonly call: DeclaredMethod['call'];
}

/** What the methods of an application ask for, checked. */
export interface JobPlan {
  readonly jobs: readonly { readonly place: string; readonly input: JobInput }[];
  readonly handlers: readonly PlannedHandler[];
  readonly listeners: readonly {
    readonly place: string;
    readonly job: string;
    readonly event: ClusterEventType;
    readonly call: DeclaredMethod['call'];
  }[];
  readonly warnings: readonly string[];
}

type Settings = Pick<CloudJobModuleSettings, 'defaults' | 'cronDialect'>;

/** Concern the timers and locks of a single process. */
const PROCESS_OPTIONS = ['unrefTimeout', 'threshold', 'initialDelay', 'distributed', 'lockKey', 'lockTtlMs'] as const;

/** Errors: `ConfigError`, with class and method, for a name given twice and for a job that cannot be. */
export function planJobs(methods: readonly DeclaredMethod[], settings: Settings): JobPlan {
  const jobs: JobPlan['jobs'][number][] = [];
  const listeners: JobPlan['listeners'][number][] = [];
  const warnings: string[] = [];
  const handlers = new Map<string, PlannedHandler>();

  for (const { place, declarations, call } of methods) {
    for (const declaration of declarations) {
      if (declaration.type === 'listener') {
        listeners.push({ place, call, job: declaration.job, event: declaration.event });
        continue;
      }
      const { input, defined, name } = plannedJob(place, declaration, settings);
      const other = handlers.get(name);
      if (other !== undefined) throw new ConfigError(duplicateName(name, other.place, place));
      handlers.set(name, { name, place, call, ...(defined === undefined ? {} : { defined }) });
      if (input !== undefined) jobs.push({ place, input });
      const ignored = declaration.type === 'cron' ? PROCESS_OPTIONS.filter((key) => declaration.options[key]) : [];
      if (ignored.length > 0) warnings.push(ignoredOptions(place, ignored));
    }
  }
  for (const { place, input } of jobs) explained(place, input.name, () => parseJobInput(input, null));
  return { jobs, handlers: [...handlers.values()], listeners, warnings };
}

/** Runs a check, or a write, of a declared job; what is wrong with it is told with class and method. */
export function explained<T>(place: string, name: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw explain(place, name, error);
  }
}

export function explain(place: string, name: string, error: unknown): unknown {
  if (!(error instanceof CloudJobError) || error.retryable) return error;
  return new ConfigError(invalidDeclaration(place, name, error.message), { ...error.details, cause: error.code });
}

function plannedJob(
  place: string,
  declaration: Exclude<MethodDeclaration, { type: 'listener' }>,
  settings: Settings,
): { name: string; input?: JobInput; defined?: DefinedJob<unknown> } {
  switch (declaration.type) {
    case 'handler': {
      const { job } = declaration;
      return typeof job === 'string' ? { name: job } : { name: job.name, input: job.input, defined: job };
    }
    case 'every': {
      const { anchor, ...options } = declaration.options;
      return explained(place, options.name ?? place, () => {
        const everyMs = durationMs(declaration.every);
        const schedule = { type: 'every' as const, everyMs, ...(anchor === undefined ? {} : { anchor }) };
        return declaredJob(place, { schedule }, options, settings);
      });
    }
    case 'cron':
      return explained(place, declaration.options.name ?? place, () =>
        cronJob(place, declaration.cron, declaration.options, settings),
      );
  }
}

function cronJob(
  place: string,
  cron: string | Date,
  options: CronOptions,
  settings: Settings,
): { name: string; input: JobInput } {
  const { dialect = settings.cronDialect, utcOffset, waitForCompletion, ...rest } = options;
  const own = Object.fromEntries(
    Object.entries(rest).filter(([key]) => !(PROCESS_OPTIONS as readonly string[]).includes(key)),
  ) as DeclaredJobOptions;
  const schedule: JobInput['schedule'] =
    cron instanceof Date
      ? { type: 'at', at: cron.toISOString() }
      : { type: 'cron', expression: cron, ...(dialect === undefined ? {} : { dialect }) };
  const fields = {
    schedule,
    ...(utcOffset === undefined ? {} : { timeZone: fixedZone(utcOffset) }),
    ...(waitForCompletion === undefined ? {} : { overlap: waitForCompletion ? ('skip' as const) : ('allow' as const) }),
  };
  return declaredJob(place, fields, own, settings);
}

function declaredJob(
  place: string,
  fields: Partial<JobInput>,
  { name = place, disabled = false, ...own }: DeclaredJobOptions | EveryOptions,
  { defaults = {} }: Settings,
): { name: string; input: JobInput } {
  const { misfire, ...options } = { ...defaults, ...fields, ...own };
  const input: JobInput = {
    ...options,
    ...(misfire === undefined ? {} : { misfire: typeof misfire === 'string' ? { policy: misfire } : misfire }),
    name,
    target: { type: 'handler', handler: name },
  };
  return { name, input: disabled ? withoutSchedule(input) : input };
}

/** Without a schedule the fields that shape it have no meaning either. */
function withoutSchedule(input: JobInput): JobInput {
  const { schedule, startAt, endAt, maxFires, jitterMs, dstGap, dstOverlap, calendars, ...rest } = input;
  void [schedule, startAt, endAt, maxFires, jitterMs, dstGap, dstOverlap, calendars];
  return rest;
}

/** `Etc/GMT` zones count the other way round. */
function fixedZone(utcOffset: number): string {
  const hours = utcOffset / 60;
  if (!Number.isInteger(hours) || hours < -12 || hours > 14) throw new ConfigError(fractionalUtcOffset(utcOffset));
  if (hours === 0) return 'UTC';
  return `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
}
