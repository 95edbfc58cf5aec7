import { randomUUID } from 'node:crypto';
import { ValidationError } from '../domain/errors.js';
import type { BackfillInput } from '../domain/backfill.js';
import type { CalendarInput } from '../domain/calendar.js';
import { isName } from '../domain/limits.js';
import type { TriggerInput } from '../domain/trigger.js';
import type { Page, PutOutcome } from '../store/job-store.js';
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
import { importChunks, importResults } from './rest-import.js';
import type { RestAnswer, RestRequest, RestTransport } from './rest-transport.js';
import type {
  BackfillView,
  CalendarSummary,
  CalendarView,
  ExecutionView,
  JobView,
  SchedulePreview,
  TriggerView,
} from './views.js';

/** On the answer to a put: `created`, `changed` or `unchanged`. */
export const OUTCOME_HEADER = 'cloudjob-outcome';

/** `JobClient` over the REST API. Requests are repeated as long as their outcome cannot differ for it. */
export class RestClient implements JobClient {
  readonly namespace: string;
  readonly #transport: RestTransport;
  readonly #base: string;

  /** Errors: `ValidationError` for a namespace that cannot exist. */
  constructor({ transport }: { readonly transport: RestTransport }, config: { readonly namespace: string }) {
    if (!isName(config.namespace)) throw new ValidationError([{ field: 'namespace', message: 'is not a valid name' }]);
    this.namespace = config.namespace;
    this.#transport = transport;
    this.#base = `/v1/namespaces/${config.namespace}`;
  }

  async putJob(input: JobInput, options: WriteOptions = {}): Promise<{ outcome: PutOutcome; job: JobView }> {
    const path = `${this.#base}/jobs/${segment(input.name)}`;
    const { outcome, value } = await this.#put<JobView>(json('PUT', path, input, options));
    return { outcome, job: value };
  }

  async patchJob(job: string, patch: unknown, options: WriteOptions = {}): Promise<JobView> {
    return this.#json(json('PATCH', `${this.#base}/jobs/${segment(job)}`, patch, options));
  }

  getJob(job: string): Promise<JobView> {
    return this.#json(get(`${this.#base}/jobs/${segment(job)}`));
  }

  listJobs(query: JobQuery = {}): Promise<Page<JobView>> {
    return this.#json(get(`${this.#base}/jobs`, query));
  }

  deleteJob(job: string, options: WriteOptions = {}): Promise<void> {
    return this.#delete(`${this.#base}/jobs/${segment(job)}`, options);
  }

  pauseJob(job: string, reason = ''): Promise<JobView> {
    return this.#json(json('POST', `${this.#base}/jobs/${segment(job)}/pause`, { reason }));
  }

  resumeJob(job: string): Promise<JobView> {
    return this.#json(json('POST', `${this.#base}/jobs/${segment(job)}/resume`));
  }

  async putTrigger(
    job: string,
    input: TriggerInput & { readonly name: string },
    options: WriteOptions = {},
  ): Promise<{ outcome: PutOutcome; trigger: TriggerView }> {
    const { outcome, value } = await this.#put<TriggerView>(
      json('PUT', this.#trigger(job, input.name), input, options),
    );
    return { outcome, trigger: value };
  }

  async putTriggers(job: string, triggers: readonly unknown[]): Promise<readonly TriggerResult[]> {
    const path = `${this.#base}/jobs/${segment(job)}/triggers/import`;
    const headers = { 'content-type': 'application/x-ndjson' };
    const results: TriggerResult[] = [];
    for (const { body, count } of importChunks(triggers)) {
      const { text } = await this.#transport.send({ method: 'POST', path, headers, body, isRepeatable: true });
      results.push(...importResults(text, { first: results.length, count }));
    }
    return results;
  }

  patchTrigger(job: string, trigger: string, patch: unknown, options: WriteOptions = {}): Promise<TriggerView> {
    return this.#json(json('PATCH', this.#trigger(job, trigger), patch, options));
  }

  getTrigger(job: string, trigger: string): Promise<TriggerView> {
    return this.#json(get(this.#trigger(job, trigger)));
  }

  listTriggers(job: string, query: PageOptions = {}): Promise<Page<TriggerView>> {
    return this.#json(get(`${this.#base}/jobs/${segment(job)}/triggers`, query));
  }

  deleteTrigger(job: string, trigger: string, options: WriteOptions = {}): Promise<void> {
    return this.#delete(this.#trigger(job, trigger), options);
  }

  pauseTrigger(job: string, trigger: string): Promise<TriggerView> {
    return this.#json(json('POST', `${this.#trigger(job, trigger)}/pause`));
  }

  resumeTrigger(job: string, trigger: string): Promise<TriggerView> {
    return this.#json(json('POST', `${this.#trigger(job, trigger)}/resume`));
  }

  /** A key of its own makes sure that a repeated request is one run. */
  run(job: string, { data, idempotencyKey = randomUUID() }: RunOptions = {}): Promise<ExecutionView> {
    const request = json('POST', `${this.#base}/jobs/${segment(job)}/executions`, data === undefined ? {} : { data });
    return this.#json({ ...request, headers: { ...request.headers, 'idempotency-key': idempotencyKey } });
  }

  /** An id of its own makes sure that a repeated request is one backfill. */
  startBackfill(job: string, input: BackfillInput): Promise<BackfillView> {
    const path = `${this.#base}/jobs/${segment(job)}/backfill`;
    return this.#json(json('POST', path, { id: randomUUID(), ...input }));
  }

  getBackfill(job: string, id: string): Promise<BackfillView> {
    return this.#json(get(`${this.#base}/jobs/${segment(job)}/backfills/${segment(id)}`));
  }

  async listBackfills(job: string): Promise<readonly BackfillView[]> {
    const path = `${this.#base}/jobs/${segment(job)}/backfills`;
    return (await this.#json<{ items: readonly BackfillView[] }>(get(path))).items;
  }

  cancelBackfill(job: string, id: string): Promise<BackfillView> {
    return this.#json(json('POST', `${this.#base}/jobs/${segment(job)}/backfills/${segment(id)}/cancel`));
  }

  getExecution(id: string): Promise<ExecutionView> {
    return this.#json(get(`${this.#base}/executions/${segment(id)}`));
  }

  listExecutions(query: ExecutionQuery = {}): Promise<Page<ExecutionView>> {
    return this.#json(get(`${this.#base}/executions`, query));
  }

  cancelExecution(id: string): Promise<ExecutionView> {
    return this.#json(json('POST', `${this.#base}/executions/${segment(id)}/cancel`));
  }

  /** Not repeated: a second one would find the execution queued, and call that a conflict. */
  retryExecution(id: string): Promise<ExecutionView> {
    return this.#json({ ...json('POST', `${this.#base}/executions/${segment(id)}/retry`), isRepeatable: false });
  }

  previewSchedule(input: PreviewInput): Promise<SchedulePreview> {
    const inNamespace = input.calendars === undefined ? input : { namespace: this.namespace, ...input };
    return this.#json(json('POST', '/v1/schedules/preview', inNamespace));
  }

  async putCalendar(
    name: string,
    calendar: CalendarInput,
    options: WriteOptions = {},
  ): Promise<{ outcome: PutOutcome; calendar: CalendarView }> {
    const path = `${this.#base}/calendars/${segment(name)}`;
    const request = calendar.type === 'ics' ? file(path, calendar, options) : json('PUT', path, calendar, options);
    const { outcome, value } = await this.#put<CalendarView>(request);
    return { outcome, calendar: value };
  }

  getCalendar(name: string): Promise<CalendarView> {
    return this.#json(get(`${this.#base}/calendars/${segment(name)}`));
  }

  async listCalendars(): Promise<readonly CalendarSummary[]> {
    return (await this.#json<{ items: readonly CalendarSummary[] }>(get(`${this.#base}/calendars`))).items;
  }

  deleteCalendar(name: string, options: WriteOptions = {}): Promise<void> {
    return this.#delete(`${this.#base}/calendars/${segment(name)}`, options);
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  #trigger(job: string, trigger: string): string {
    return `${this.#base}/jobs/${segment(job)}/triggers/${segment(trigger)}`;
  }

  async #put<T>(request: RestRequest): Promise<{ outcome: PutOutcome; value: T }> {
    const { status, text, headers } = await this.#transport.send(request);
    const isUnchanged = headers.get(OUTCOME_HEADER) === 'unchanged';
    const outcome = status === 201 ? 'created' : isUnchanged ? 'unchanged' : 'changed';
    return { outcome, value: JSON.parse(text) as T };
  }

  async #delete(path: string, options: WriteOptions): Promise<void> {
    await this.#transport.send(json('DELETE', path, undefined, options));
  }

  async #json<T>(request: RestRequest): Promise<T> {
    const { text }: RestAnswer = await this.#transport.send(request);
    return JSON.parse(text) as T;
  }
}

/** A file may be larger than JSON: it is the body, and the rest is in the query. */
function file(
  path: string,
  { type: _type, ics, ...rest }: Extract<CalendarInput, { type: 'ics' }>,
  options: WriteOptions,
): RestRequest {
  const request = json('PUT', get(path, rest).path, undefined, options);
  return { ...request, headers: { ...request.headers, 'content-type': 'text/calendar' }, body: ics };
}

function get(path: string, query: object = {}): RestRequest {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return { method: 'GET', path: text === '' ? path : `${path}?${text}`, isRepeatable: true };
}

function json(method: RestRequest['method'], path: string, body?: unknown, options: WriteOptions = {}): RestRequest {
  const { ifVersion } = options;
  return {
    method,
    path,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(ifVersion === null ? { 'if-none-match': '*' } : {}),
      ...(typeof ifVersion === 'number' ? { 'if-match': `"${ifVersion}"` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    isRepeatable: true,
  };
}

function segment(name: string): string {
  return encodeURIComponent(name);
}
