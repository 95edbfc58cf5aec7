import { setTimeout as passed } from 'node:timers/promises';
import { askApi, type ApiAnswer, type ApiRequest } from '../api-client.js';
import type { ApiWrite } from '../history.js';
import { PlanBook, type WriteSpan } from '../plan-book.js';

export interface JobWrite {
  readonly name: string;
  readonly overlap?: 'skip' | 'allow';
  readonly partitioned?: boolean;
  /** What `worker.mjs` is to do. */
  readonly data?: WorkData;
}

export interface WorkData {
  readonly takesMs?: number;
  readonly failsUntil?: number;
}

const REPEAT_AFTER_MS = 150;

/** Writes over the REST API. What gets no answer is repeated until there is one; every write is noted with its outcome. */
export class LoadWriter {
  readonly book = new PlanBook();
  readonly writes: ApiWrite[] = [];
  /** Answers that no fault explains. */
  readonly refusals: { at: number; text: string }[] = [];
  readonly namespace: string;
  readonly #url: string;

  constructor({ url, namespace }: { readonly url: string; readonly namespace: string }) {
    this.#url = url;
    this.namespace = namespace;
  }

  putJob({ name, overlap = 'allow', partitioned = false, data = {} }: JobWrite): Promise<WriteSpan> {
    const body = {
      target: { type: 'handler', handler: 'noted' },
      ...{ data, overlap },
      ...(partitioned ? { partitioned } : {}),
      retry: { maxAttempts: 20, backoff: { type: 'fixed', initialMs: 200, maxMs: 200 } },
      retention: { succeededMs: 120_000, failedMs: 120_000 },
    };
    return this.repeat({ method: 'PUT', path: this.jobPath(name), body });
  }

  putTrigger(job: string, { name, ...body }: { readonly name: string; readonly schedule: object }): Promise<WriteSpan> {
    return this.repeat({ method: 'PUT', path: `${this.jobPath(job)}/triggers/${name}`, body });
  }

  putTriggers(
    job: string,
    triggers: readonly { readonly name: string; readonly schedule: object }[],
  ): Promise<WriteSpan> {
    const lines = triggers.map((trigger) => JSON.stringify(trigger)).join('\n');
    return this.repeat({ method: 'POST', path: `${this.jobPath(job)}/triggers/import`, lines });
  }

  pauseJob(name: string): Promise<WriteSpan> {
    return this.repeat({ method: 'POST', path: `${this.jobPath(name)}/pause`, body: {} });
  }

  resumeJob(name: string): Promise<WriteSpan> {
    return this.repeat({ method: 'POST', path: `${this.jobPath(name)}/resume`, body: {} });
  }

  /** Asks until it is done, however long the fault takes. */
  async repeat(request: ApiRequest): Promise<WriteSpan> {
    const sentAt = Date.now();
    const answer = await this.ask(
      request,
      ({ outcome, status }) => outcome === 'done' || (request.method === 'DELETE' && status === 404),
    );
    return { sentAt, ackedAt: answer.outcome === 'unknown' ? null : Date.now() };
  }

  async ask(
    request: ApiRequest,
    isEnough: (answer: ApiAnswer) => boolean = ({ outcome }) => outcome === 'done',
  ): Promise<ApiAnswer> {
    const giveUpAt = performance.now() + 90_000;
    for (;;) {
      const answer = await askApi(this.#url, request);
      if (isEnough(answer)) return answer;
      if (answer.outcome === 'refused' || performance.now() > giveUpAt) {
        const text = `${request.method} ${request.path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
        this.refusals.push({ at: Date.now(), text });
        return answer;
      }
      await passed(REPEAT_AFTER_MS);
    }
  }

  note(entity: string, value: string | null, span: WriteSpan): void {
    this.writes.push({ entity, value, ...span });
  }

  jobKey(job: string): string {
    return `${this.namespace}/${job}`;
  }

  key(job: string, trigger: string): string {
    return `${this.namespace}/${job}/${trigger}`;
  }

  jobPath(job: string): string {
    return `/v1/namespaces/${this.namespace}/jobs/${job}`;
  }

  calendarPath(calendar: string): string {
    return `/v1/namespaces/${this.namespace}/calendars/${calendar}`;
  }
}
