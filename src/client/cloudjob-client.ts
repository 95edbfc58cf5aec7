import type { BackfillInput } from '../domain/backfill.js';
import type { CalendarInput } from '../domain/calendar.js';
import { ConfigError } from '../domain/errors.js';
import type { JsonValue } from '../domain/json.js';
import { isName } from '../domain/limits.js';
import type { DurationMs } from '../domain/time/instant.js';
import type { TriggerInput } from '../domain/trigger.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { Metrics } from '../runtime/metrics.js';
import type { Service } from '../runtime/service.js';
import { systemClock } from '../runtime/system-clock.js';
import { RedisStores, type RedisStoresConfig } from '../store/redis/redis-stores.js';
import type { ExecutionQuery, JobClient, JobQuery, PageOptions, TriggerResult, WriteOptions } from './job-client.js';
import type { JobInput, PreviewInput } from './job-input.js';
import { Listing } from './listing.js';
import { RestClient } from './rest-client.js';
import { RestTransport } from './rest-transport.js';
import { StoreClient, type ClientStores } from './store-client.js';
import type {
  BackfillView,
  CalendarSummary,
  CalendarView,
  ExecutionView,
  JobView,
  SchedulePreview,
  TriggerView,
} from './views.js';

export interface CommonClientOptions {
  /** @default 'default' */
  readonly namespace?: string;
}

/** Straight to the Redis of a cluster; opened by the first call. */
export interface RedisClientOptions extends CommonClientOptions {
  readonly redis: RedisStoresConfig['redis'];
  /** @default 'default' */
  readonly cluster?: string;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** Over the REST API. */
export interface RestClientOptions extends CommonClientOptions {
  readonly url: string;
  readonly apiKey: string;
  /** Longest wait for one answer. @default 30000 */
  readonly timeoutMs?: DurationMs;
}

/** Over stores of this process, which their owner starts and stops. */
export interface StoresClientOptions extends CommonClientOptions {
  readonly stores: ClientStores;
}

export type CloudJobClientOptions = RedisClientOptions | RestClientOptions | StoresClientOptions;

/** A job by its name, or as `defineJob` returned it. */
export type JobRef = string | { readonly name: string };

const REST_TRIES = 4;

/**
 * Registers, runs and looks at the jobs of one namespace. Errors are `CloudJobError`s with a code; see `JobClient`
 * for those of each call.
 *
 *     const client = new CloudJobClient({ redis: 'redis://127.0.0.1:6379', cluster: 'shop', namespace: 'billing' });
 *     await client.putJob({ name: 'nightly', target: { type: 'handler', handler: 'nightly' }, schedule: … });
 */
export class CloudJobClient {
  readonly namespace: string;
  readonly #open: () => Promise<JobClient>;
  readonly #close: () => Promise<void>;

  /** Errors: `ConfigError` for options that cannot be. */
  constructor(options: CloudJobClientOptions) {
    const { namespace = 'default' } = options;
    if (!isName(namespace)) throw new ConfigError(`namespace '${namespace}' is not a name`);
    this.namespace = namespace;
    const source = sourceOf(options, namespace);
    this.#open = () => source.open();
    this.#close = () => source.close();
  }

  async putJob(job: JobInput, options?: WriteOptions): Promise<JobView> {
    return (await (await this.#open()).putJob(job, options)).job;
  }

  async patchJob(job: JobRef, patch: Readonly<Record<string, unknown>>, options?: WriteOptions): Promise<JobView> {
    return (await this.#open()).patchJob(nameOf(job), patch, options);
  }

  async deleteJob(job: JobRef, options?: WriteOptions): Promise<void> {
    return (await this.#open()).deleteJob(nameOf(job), options);
  }

  async describe(job: JobRef): Promise<JobView> {
    return (await this.#open()).getJob(nameOf(job));
  }

  async pause(job: JobRef, reason?: string): Promise<JobView> {
    return (await this.#open()).pauseJob(nameOf(job), reason);
  }

  async resume(job: JobRef): Promise<JobView> {
    return (await this.#open()).resumeJob(nameOf(job));
  }

  /** `await` gives a page, `for await` every job. */
  list(query: JobQuery = {}): Listing<JobView> {
    return this.#listing(query, (client, page) => client.listJobs(page));
  }

  /** Any number of triggers; results in their order. One that is invalid is reported and does not stop the others. */
  async putTriggers(
    job: JobRef,
    triggers: readonly (TriggerInput & { readonly name: string })[],
  ): Promise<readonly TriggerResult[]> {
    return (await this.#open()).putTriggers(nameOf(job), triggers);
  }

  async putTrigger(
    job: JobRef,
    trigger: TriggerInput & { readonly name: string },
    options?: WriteOptions,
  ): Promise<TriggerView> {
    return (await (await this.#open()).putTrigger(nameOf(job), trigger, options)).trigger;
  }

  async deleteTrigger(job: JobRef, trigger: string, options?: WriteOptions): Promise<void> {
    return (await this.#open()).deleteTrigger(nameOf(job), trigger, options);
  }

  async pauseTrigger(job: JobRef, trigger: string): Promise<TriggerView> {
    return (await this.#open()).pauseTrigger(nameOf(job), trigger);
  }

  async resumeTrigger(job: JobRef, trigger: string): Promise<TriggerView> {
    return (await this.#open()).resumeTrigger(nameOf(job), trigger);
  }

  triggers(job: JobRef, query: PageOptions = {}): Listing<TriggerView> {
    return this.#listing(query, (client, page) => client.listTriggers(nameOf(job), page));
  }

  /** Queues one execution now. `data` replaces the job's. */
  async run(job: JobRef, data?: JsonValue, options: { readonly idempotencyKey?: string } = {}): Promise<ExecutionView> {
    return (await this.#open()).run(nameOf(job), { data, ...options });
  }

  /** Queues the times of a trigger (`default` if not named) in a past range once more. */
  async startBackfill(job: JobRef, input: BackfillInput): Promise<BackfillView> {
    return (await this.#open()).startBackfill(nameOf(job), input);
  }

  async backfill(job: JobRef, id: string): Promise<BackfillView> {
    return (await this.#open()).getBackfill(nameOf(job), id);
  }

  /** Oldest first; ended ones for seven days. */
  async backfills(job: JobRef): Promise<readonly BackfillView[]> {
    return (await this.#open()).listBackfills(nameOf(job));
  }

  async cancelBackfill(job: JobRef, id: string): Promise<BackfillView> {
    return (await this.#open()).cancelBackfill(nameOf(job), id);
  }

  async execution(id: string): Promise<ExecutionView> {
    return (await this.#open()).getExecution(id);
  }

  /** `await` gives a page, `for await` every execution. */
  executions(query: ExecutionQuery = {}): Listing<ExecutionView> {
    return this.#listing(query, (client, page) => client.listExecutions(page));
  }

  async cancel(id: string): Promise<ExecutionView> {
    return (await this.#open()).cancelExecution(id);
  }

  async retry(id: string): Promise<ExecutionView> {
    return (await this.#open()).retryExecution(id);
  }

  /** Triggers that name it follow the change within moments. */
  async putCalendar(name: string, calendar: CalendarInput, options?: WriteOptions): Promise<CalendarView> {
    return (await (await this.#open()).putCalendar(name, calendar, options)).calendar;
  }

  async calendar(name: string): Promise<CalendarView> {
    return (await this.#open()).getCalendar(name);
  }

  /** All of the namespace, by name, without their days. */
  async calendars(): Promise<readonly CalendarSummary[]> {
    return (await this.#open()).listCalendars();
  }

  async deleteCalendar(name: string, options?: WriteOptions): Promise<void> {
    return (await this.#open()).deleteCalendar(name, options);
  }

  async preview(input: PreviewInput): Promise<SchedulePreview> {
    return (await this.#open()).previewSchedule(input);
  }

  /** Lets go of what the client opened itself; a Redis client of the caller's stays open. Idempotent. */
  close(): Promise<void> {
    return this.#close();
  }

  #listing<Q extends PageOptions, T>(
    query: Q,
    fetch: (client: JobClient, query: Q) => Promise<{ items: readonly T[]; nextCursor?: string }>,
  ): Listing<T> {
    return new Listing(async (cursor) => fetch(await this.#open(), { ...query, cursor }), { cursor: query.cursor });
  }
}

function nameOf(job: JobRef): string {
  return typeof job === 'string' ? job : job.name;
}

interface Source {
  open(): Promise<JobClient>;
  close(): Promise<void>;
}

function sourceOf(options: CloudJobClientOptions, namespace: string): Source {
  if ('stores' in options) return fixedSource(new StoreClient({ stores: options.stores }, { namespace }));
  if ('redis' in options) return new RedisSource(options, namespace);
  const { url, apiKey, timeoutMs = 30_000 } = options;
  if (!URL.canParse(url)) throw new ConfigError(`'${url}' is not a URL`);
  if (apiKey === '') throw new ConfigError('the API key is empty');
  const transport = new RestTransport({ clock: systemClock }, { url, apiKey, timeoutMs, maxTries: REST_TRIES });
  return fixedSource(new RestClient({ transport }, { namespace }));
}

function fixedSource(client: JobClient): Source {
  return { open: () => Promise.resolve(client), close: () => client.close() };
}

/** Opens its stores at the first call; where that fails, the next call tries anew. */
class RedisSource implements Source {
  readonly #options: RedisClientOptions;
  readonly #namespace: string;
  #opened: Promise<{ readonly client: JobClient; readonly stores: Service }> | undefined;
  #isClosed = false;

  constructor(options: RedisClientOptions, namespace: string) {
    this.#options = options;
    this.#namespace = namespace;
  }

  async open(): Promise<JobClient> {
    if (this.#isClosed) throw new ConfigError('the client was closed');
    this.#opened ??= this.#start().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return (await this.#opened).client;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.stores.stop();
  }

  async #start(): Promise<{ client: JobClient; stores: Service }> {
    const { redis, cluster = 'default', logger = silentLogger, metrics = new Metrics() } = this.#options;
    // Whether this Redis may hold a cluster is for the schedulers to say.
    const config = { redis, cluster, requireDurability: false };
    const stores = new RedisStores({ clock: systemClock, logger, metrics }, config);
    await stores.start();
    return { client: new StoreClient({ stores, metrics }, { namespace: this.#namespace }), stores };
  }
}
