import { setTimeout as passed } from 'node:timers/promises';
import { askApi, type ApiAnswer, type ApiRequest } from './api-client.js';
import type { ApiWrite } from './history.js';
import { PlanBook, type WriteSpan } from './plan-book.js';
import type { Random } from './random.js';

export interface LoadOptions {
  readonly url: string;
  readonly namespace: string;
  readonly random: Random;
  /** Fires per second. */
  readonly fires: number;
}

const JOBS = 12;
const SERIAL = 8;
const FLAKY = 8;
const LONG = 6;
const PAUSABLE = 8;
const EDITED = 16;
const EDITORS = 4;
const REPEAT_AFTER_MS = 150;

interface JobSpec {
  readonly name: string;
  readonly overlap: 'skip' | 'allow';
  readonly everyMs: number;
  readonly triggers: number;
  readonly data?: { readonly takesMs?: number; readonly failsUntil?: number };
}

type EditedState = 'active' | 'paused' | 'gone';

/**
 * Jobs that fire all the time, some of which are edited, paused and deleted all the time, over the REST API. A write
 * without an answer is repeated until there is one. Notes every write with its outcome.
 */
export class Load {
  readonly book = new PlanBook();
  readonly writes: ApiWrite[] = [];
  /** Answers that no fault explains. */
  readonly refusals: { at: number; text: string }[] = [];
  readonly #options: LoadOptions;
  readonly #jobs: readonly JobSpec[];
  readonly #editors: Promise<void>[] = [];
  #isEditing = true;

  constructor(options: LoadOptions) {
    this.#options = options;
    const rest = Math.max(JOBS, options.fires - SERIAL * 2 - FLAKY - LONG - PAUSABLE - EDITED);
    this.#jobs = [
      ...Array.from({ length: JOBS }, (_, i) => ({
        name: `load-${i}`,
        overlap: 'allow' as const,
        everyMs: 1000,
        triggers: Math.floor(rest / JOBS) + (i < rest % JOBS ? 1 : 0),
      })),
      { name: 'serial', overlap: 'skip', everyMs: 500, triggers: SERIAL, data: { takesMs: 700 } },
      { name: 'flaky', overlap: 'allow', everyMs: 1000, triggers: FLAKY, data: { failsUntil: 1 } },
      // Longer than a lease holds without its worker.
      { name: 'long', overlap: 'allow', everyMs: 1000, triggers: LONG, data: { takesMs: 2500 } },
      { name: 'pausable', overlap: 'allow', everyMs: 1000, triggers: PAUSABLE },
      { name: 'edited', overlap: 'allow', everyMs: 1000, triggers: EDITED },
    ];
  }

  /** Stores everything and begins to edit. */
  async start(): Promise<void> {
    await inTurns(this.#jobs, (job) => this.#define(job));
    for (let i = 0; i < EDITORS; i += 1) {
      const names = Array.from({ length: EDITED }, (_, k) => `t${k}`).filter((_, k) => k % EDITORS === i);
      this.#editors.push(this.#edit(names));
    }
    this.#editors.push(this.#pauseAndResume(), this.#runNow());
  }

  async stopEditing(): Promise<void> {
    this.#isEditing = false;
    await Promise.all(this.#editors);
  }

  /** No job fires any more; what was fired goes on. */
  async pauseAll(): Promise<void> {
    await Promise.all(
      this.#jobs.map(async ({ name, triggers }) => {
        const span = await this.#repeat({ method: 'POST', path: `${this.#path(name)}/pause`, body: {} });
        for (let i = 0; i < triggers; i += 1) this.book.end(this.#key(name, `t${i}`), span);
        if (name === 'pausable') this.#note('job pausable', 'paused', span);
      }),
    );
  }

  async deleteAll(): Promise<void> {
    await Promise.all(this.#jobs.map(({ name }) => this.#repeat({ method: 'DELETE', path: this.#path(name) })));
  }

  /** What is stored now, for each entity that was written. */
  async found(recorded: ReadonlySet<string>): Promise<ReadonlyMap<string, string | null>> {
    const found = new Map<string, string | null>();
    const entities = [...new Set(this.writes.map((write) => write.entity))];
    await inTurns(entities, async (entity) => {
      const [kind, name = ''] = entity.split(' ');
      const path = kind === 'trigger' ? `${this.#path('edited')}/triggers/${name}` : this.#path(name);
      if (kind === 'run') found.set(entity, recorded.has(name) ? 'recorded' : null);
      else found.set(entity, await this.#stored(path));
    });
    return found;
  }

  async #stored(path: string): Promise<string | null> {
    const answer = await this.#ask({ method: 'GET', path }, (given) => given.outcome !== 'unknown');
    if (answer.status === 404) return null;
    const { schedule, status } = answer.body as { schedule?: { anchor: string }; status: { state: string } };
    if (schedule === undefined || status.state !== 'active') return status.state;
    return `active ${Date.parse(schedule.anchor) % 1000}`;
  }

  async #define(job: JobSpec): Promise<void> {
    const { name, overlap, everyMs, triggers, data = {} } = job;
    const definition = {
      target: { type: 'handler', handler: 'noted' },
      data,
      overlap,
      retry: { maxAttempts: 20, backoff: { type: 'fixed', initialMs: 200, maxMs: 200 } },
      retention: { succeededMs: 120_000, failedMs: 120_000 },
    };
    await this.#repeat({ method: 'PUT', path: this.#path(name), body: definition });
    const phases = Array.from({ length: triggers }, (_, i) => Math.floor((i * everyMs) / triggers));
    const span = await this.#putTriggers(
      name,
      phases.map((phaseMs, i) => triggerOf(`t${i}`, { everyMs, phaseMs })),
    );
    for (const [i, phaseMs] of phases.entries()) {
      this.book.begin(this.#key(name, `t${i}`), { everyMs, phaseMs, overlap }, span);
      if (name === 'edited') this.#note(`trigger t${i}`, `active ${phaseMs}`, span);
    }
  }

  async #edit(names: readonly string[]): Promise<void> {
    const { random } = this.#options;
    const states = new Map<string, EditedState>(names.map((name) => [name, 'active']));
    while (this.#isEditing) {
      const name = random.pick(names);
      const state = states.get(name) ?? 'gone';
      states.set(name, await this.#change(name, state));
      await passed(random.between(50, 300));
    }
  }

  async #change(name: string, state: EditedState): Promise<EditedState> {
    const { random } = this.#options;
    const key = this.#key('edited', name);
    const path = `${this.#path('edited')}/triggers/${name}`;
    const entity = `trigger ${name}`;
    const what = state === 'active' ? random.pick(['move', 'pause', 'delete'] as const) : 'move';
    if (what === 'move') {
      const phaseMs = random.between(0, 999);
      const span = await this.#putTrigger('edited', name, { everyMs: 1000, phaseMs });
      this.book.end(key, span);
      this.book.begin(key, { everyMs: 1000, phaseMs, overlap: 'allow' }, span);
      this.#note(entity, `active ${phaseMs}`, span);
      return 'active';
    }
    const request =
      what === 'pause'
        ? { method: 'POST' as const, path: `${path}/pause`, body: {} }
        : { method: 'DELETE' as const, path };
    const span = await this.#repeat(request);
    this.book.end(key, span);
    this.#note(entity, what === 'pause' ? 'paused' : null, span);
    return what === 'pause' ? 'paused' : 'gone';
  }

  async #pauseAndResume(): Promise<void> {
    const { random } = this.#options;
    const keys = Array.from({ length: PAUSABLE }, (_, i) => this.#key('pausable', `t${i}`));
    while (this.#isEditing) {
      await passed(random.between(300, 1500));
      const paused = await this.#repeat({ method: 'POST', path: `${this.#path('pausable')}/pause`, body: {} });
      keys.forEach((key) => this.book.end(key, paused));
      this.#note('job pausable', 'paused', paused);
      await passed(random.between(300, 1500));
      const resumed = await this.#repeat({ method: 'POST', path: `${this.#path('pausable')}/resume`, body: {} });
      keys.forEach((key, i) => {
        const phaseMs = Math.floor((i * 1000) / PAUSABLE);
        this.book.begin(key, { everyMs: 1000, phaseMs, overlap: 'allow' }, resumed);
      });
      this.#note('job pausable', 'active', resumed);
    }
  }

  async #runNow(): Promise<void> {
    const { random, namespace } = this.#options;
    for (let i = 0; this.#isEditing; i += 1) {
      await passed(random.between(50, 250));
      const path = `${this.#path(`load-${i % JOBS}`)}/executions`;
      const sentAt = Date.now();
      const answer = await this.#ask({ method: 'POST', path, body: {}, key: `${namespace}-${i}` });
      if (answer.outcome !== 'done') continue;
      const { id } = answer.body as { id: string };
      this.#note(`run ${id}`, 'recorded', { sentAt, ackedAt: Date.now() });
    }
  }

  #putTrigger(
    job: string,
    name: string,
    { everyMs, phaseMs }: { everyMs: number; phaseMs: number },
  ): Promise<WriteSpan> {
    const { schedule } = triggerOf(name, { everyMs, phaseMs });
    return this.#repeat({ method: 'PUT', path: `${this.#path(job)}/triggers/${name}`, body: { schedule } });
  }

  #putTriggers(job: string, triggers: readonly object[]): Promise<WriteSpan> {
    const lines = triggers.map((trigger) => JSON.stringify(trigger)).join('\n');
    return this.#repeat({ method: 'POST', path: `${this.#path(job)}/triggers/import`, lines });
  }

  /** Asks until it is done, however long the fault takes. */
  async #repeat(request: ApiRequest): Promise<WriteSpan> {
    const sentAt = Date.now();
    const answer = await this.#ask(
      request,
      ({ outcome, status }) => outcome === 'done' || (request.method === 'DELETE' && status === 404),
    );
    return { sentAt, ackedAt: answer.outcome === 'unknown' ? null : Date.now() };
  }

  async #ask(
    request: ApiRequest,
    isEnough: (answer: ApiAnswer) => boolean = ({ outcome }) => outcome === 'done',
  ): Promise<ApiAnswer> {
    const giveUpAt = performance.now() + 90_000;
    for (;;) {
      const answer = await askApi(this.#options.url, request);
      if (isEnough(answer)) return answer;
      if (answer.outcome === 'refused' || performance.now() > giveUpAt) {
        const text = `${request.method} ${request.path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
        this.refusals.push({ at: Date.now(), text });
        return answer;
      }
      await passed(REPEAT_AFTER_MS);
    }
  }

  #note(entity: string, value: string | null, span: WriteSpan): void {
    this.writes.push({ entity, value, ...span });
  }

  #key(job: string, trigger: string): string {
    return `${this.#options.namespace}/${job}/${trigger}`;
  }

  #path(job: string): string {
    return `/v1/namespaces/${this.#options.namespace}/jobs/${job}`;
  }
}

function triggerOf(
  name: string,
  { everyMs, phaseMs }: { everyMs: number; phaseMs: number },
): { readonly name: string; readonly schedule: object } {
  return { name, schedule: { type: 'every', everyMs, anchor: new Date(phaseMs).toISOString() } };
}

/** A few at a time: hundreds of connections at once would be a fault of ours. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const next = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 6 }, next));
}
