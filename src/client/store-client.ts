import { ValidationError } from '../domain/errors.js';
import type { BackfillInput } from '../domain/backfill.js';
import type { CalendarInput } from '../domain/calendar.js';
import { isName } from '../domain/limits.js';
import type { TriggerInput } from '../domain/trigger.js';
import type { Page, PutOutcome } from '../store/job-store.js';
import type { Metrics } from '../runtime/metrics.js';
import type { Stores } from '../store/stores.js';
import type {
  ExecutionQuery,
  JobClient,
  JobQuery,
  PageOptions,
  RunOptions,
  TriggerResult,
  WriteOptions,
} from './job-client.js';
import type { JobInput, PreviewInput } from './job-input.js';
import { schedulePreview } from './schedule-preview.js';
import { StoreBackfills } from './store-backfills.js';
import { StoreCalendars } from './store-calendars.js';
import { StoreExecutions } from './store-executions.js';
import { StoreJobs } from './store-jobs.js';
import { StoreTriggers } from './store-triggers.js';
import { UndecidedTimes } from './undecided-times.js';
import type {
  BackfillView,
  CalendarSummary,
  CalendarView,
  ExecutionView,
  JobView,
  SchedulePreview,
  TriggerView,
} from './views.js';

export type ClientStores = Pick<
  Stores,
  'jobs' | 'executions' | 'calendars' | 'planning' | 'backfills' | 'events' | 'clusterClock'
>;

/** `JobClient` over the store. Checks everything that callers write; cheap to make, holds nothing open. */
export class StoreClient implements JobClient {
  readonly namespace: string;
  readonly #stores: ClientStores;
  readonly #calendars: StoreCalendars;
  readonly #jobs: StoreJobs;
  readonly #triggers: StoreTriggers;
  readonly #executions: StoreExecutions;
  readonly #backfills: StoreBackfills;

  /** Errors: `ValidationError` for a namespace that cannot exist. */
  constructor(
    { stores, metrics }: { readonly stores: ClientStores; readonly metrics?: Metrics },
    config: { readonly namespace: string },
  ) {
    if (!isName(config.namespace)) {
      throw new ValidationError([{ field: 'namespace', message: 'is not a valid name' }]);
    }
    this.namespace = config.namespace;
    this.#stores = stores;
    const { jobs, executions, events, clusterClock } = stores;
    const calendars = (this.#calendars = new StoreCalendars(stores, config));
    const undecided = new UndecidedTimes({ jobs, executions, events, clusterClock, calendars, metrics });
    const owners = (this.#jobs = new StoreJobs({ jobs, clusterClock, calendars, undecided }, config));
    this.#triggers = new StoreTriggers({ jobs, clusterClock, calendars, owners, undecided });
    this.#executions = new StoreExecutions({ jobs, executions, clusterClock, owners }, config);
    this.#backfills = new StoreBackfills({ jobs, backfills: stores.backfills, clusterClock, calendars, owners });
  }

  putJob(input: JobInput, options: WriteOptions = {}): Promise<{ outcome: PutOutcome; job: JobView }> {
    return this.#jobs.put(input, options);
  }

  patchJob(job: string, patch: unknown, options: WriteOptions = {}): Promise<JobView> {
    return this.#jobs.patch(job, patch, options);
  }

  getJob(job: string): Promise<JobView> {
    return this.#jobs.get(job);
  }

  listJobs(query: JobQuery = {}): Promise<Page<JobView>> {
    return this.#jobs.list(query);
  }

  deleteJob(job: string, options: WriteOptions = {}): Promise<void> {
    return this.#jobs.delete(job, options);
  }

  pauseJob(job: string, reason = ''): Promise<JobView> {
    return this.#jobs.pause(job, reason);
  }

  resumeJob(job: string): Promise<JobView> {
    return this.#jobs.resume(job);
  }

  putTrigger(
    job: string,
    input: TriggerInput & { readonly name: string },
    options: WriteOptions = {},
  ): Promise<{ outcome: PutOutcome; trigger: TriggerView }> {
    return this.#triggers.put(job, input, options);
  }

  putTriggers(job: string, triggers: readonly unknown[]): Promise<readonly TriggerResult[]> {
    return this.#triggers.putMany(job, triggers);
  }

  patchTrigger(job: string, trigger: string, patch: unknown, options: WriteOptions = {}): Promise<TriggerView> {
    return this.#triggers.patch(job, trigger, patch, options);
  }

  getTrigger(job: string, trigger: string): Promise<TriggerView> {
    return this.#triggers.get(job, trigger);
  }

  listTriggers(job: string, query: PageOptions = {}): Promise<Page<TriggerView>> {
    return this.#triggers.list(job, query);
  }

  deleteTrigger(job: string, trigger: string, options: WriteOptions = {}): Promise<void> {
    return this.#triggers.delete(job, trigger, options);
  }

  pauseTrigger(job: string, trigger: string): Promise<TriggerView> {
    return this.#triggers.pause(job, trigger);
  }

  resumeTrigger(job: string, trigger: string): Promise<TriggerView> {
    return this.#triggers.resume(job, trigger);
  }

  run(job: string, options: RunOptions = {}): Promise<ExecutionView> {
    return this.#executions.run(job, options);
  }

  startBackfill(job: string, input: BackfillInput): Promise<BackfillView> {
    return this.#backfills.start(job, input);
  }

  getBackfill(job: string, id: string): Promise<BackfillView> {
    return this.#backfills.get(job, id);
  }

  listBackfills(job: string): Promise<readonly BackfillView[]> {
    return this.#backfills.list(job);
  }

  cancelBackfill(job: string, id: string): Promise<BackfillView> {
    return this.#backfills.cancel(job, id);
  }

  getExecution(id: string): Promise<ExecutionView> {
    return this.#executions.get(id);
  }

  listExecutions(query: ExecutionQuery = {}): Promise<Page<ExecutionView>> {
    return this.#executions.list(query);
  }

  cancelExecution(id: string): Promise<ExecutionView> {
    return this.#executions.cancel(id);
  }

  retryExecution(id: string): Promise<ExecutionView> {
    return this.#executions.retry(id);
  }

  previewSchedule(input: PreviewInput): Promise<SchedulePreview> {
    const { calendars, clusterClock } = this.#stores;
    const inNamespace = input.calendars === undefined ? input : { namespace: this.namespace, ...input };
    return schedulePreview(inNamespace, { calendars, now: clusterClock.now() });
  }

  putCalendar(
    name: string,
    calendar: CalendarInput,
    options: WriteOptions = {},
  ): Promise<{ outcome: PutOutcome; calendar: CalendarView }> {
    return this.#calendars.put(name, calendar, options);
  }

  getCalendar(name: string): Promise<CalendarView> {
    return this.#calendars.get(name);
  }

  listCalendars(): Promise<readonly CalendarSummary[]> {
    return this.#calendars.list();
  }

  deleteCalendar(name: string, options: WriteOptions = {}): Promise<void> {
    return this.#calendars.delete(name, options);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
