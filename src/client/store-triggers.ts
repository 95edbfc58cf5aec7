import { isDeepStrictEqual } from 'node:util';
import { ConflictError, NotFoundError, ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import type { Job, JobKey } from '../domain/job.js';
import {
  parseTrigger,
  triggerKeyOf,
  type Trigger,
  type TriggerDefinition,
  type TriggerKey,
} from '../domain/trigger.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { ExpectedVersion, JobStore, Page, PutCondition, PutOutcome, TriggerWrite } from '../store/job-store.js';
import type { PageOptions, TriggerResult, WriteOptions } from './job-client.js';
import type { CalendarLookup } from './calendar-lookup.js';
import { mergePatch } from './merge-patch.js';
import { checkedName, pageQuerySchema } from './queries.js';
import type { StoreCalendars } from './store-calendars.js';
import type { StoreJobs } from './store-jobs.js';
import { TriggerBatch } from './trigger-batch.js';
import { triggerWrite } from './trigger-write.js';
import type { UndecidedTimes } from './undecided-times.js';
import { triggerView } from './view-of.js';
import type { TriggerView } from './views.js';

export interface StoreTriggersDeps {
  readonly jobs: JobStore;
  readonly clusterClock: ClusterClock;
  readonly owners: StoreJobs;
  readonly calendars: StoreCalendars;
  readonly undecided: UndecidedTimes;
}

const PATCH_TRIES = 5;
const readOnlyNames: readonly string[] = ['namespace', 'job', 'version', 'status'];

/** The triggers of one namespace, over the store. Contract: `JobClient`. */
export class StoreTriggers {
  readonly #deps: StoreTriggersDeps;

  constructor(deps: StoreTriggersDeps) {
    this.#deps = deps;
  }

  async put(
    job: string,
    input: unknown,
    options: WriteOptions,
  ): Promise<{ outcome: PutOutcome; trigger: TriggerView }> {
    const key = this.#deps.owners.keyOf(job);
    const { name, definition } = parseNamed(input, await this.#deps.owners.existing(key));
    const stored = await this.#deps.jobs.getTrigger(triggerKeyOf(key, name));
    const outcome = await this.#write(key, name, { definition, stored, expected: options.ifVersion });
    return { outcome, trigger: triggerView(await this.#existing(key, name)) };
  }

  async putMany(job: string, inputs: readonly unknown[]): Promise<readonly TriggerResult[]> {
    const key = this.#deps.owners.keyOf(job);
    const owner = await this.#deps.owners.existing(key);
    const lookup = this.#deps.calendars.lookup();
    const batch = new TriggerBatch(async (writes) => {
      const put = (condition: PutCondition) => this.#deps.jobs.putTriggers(key, writes, condition);
      const outcomes = await this.#deps.undecided.settledFor('replaced', put);
      await lookup.confirm();
      return outcomes;
    });
    for (const [index, input] of inputs.entries()) {
      try {
        const { name, definition } = parseNamed(input, owner);
        await batch.add(index, name, await this.#prepare(triggerKeyOf(key, name), definition, lookup));
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error;
        batch.refuse(index, input, error.under(`triggers[${index}]`));
      }
    }
    return batch.end();
  }

  async patch(job: string, trigger: string, patch: unknown, options: WriteOptions): Promise<TriggerView> {
    const key = this.#deps.owners.keyOf(job);
    return this.#change(key, trigger, options.ifVersion, async (stored) => {
      const base = { ...withoutReadOnly(triggerView(stored)), ...(isPaused(stored) ? { paused: true } : {}) };
      return parseTrigger({ ...mergePatch(base, patch), name: trigger }, await this.#deps.owners.existing(key))
        .definition;
    });
  }

  async get(job: string, trigger: string): Promise<TriggerView> {
    return triggerView(await this.#existing(this.#deps.owners.keyOf(job), trigger));
  }

  async list(job: string, query: PageOptions): Promise<Page<TriggerView>> {
    const key = this.#deps.owners.keyOf(job);
    const page = await this.#deps.jobs.listTriggers(key, parseInput(pageQuerySchema, query));
    if (page.items.length === 0) await this.#deps.owners.existing(key);
    return { ...page, items: page.items.map(triggerView) };
  }

  async delete(job: string, trigger: string, options: WriteOptions): Promise<void> {
    const key = triggerKeyOf(this.#deps.owners.keyOf(job), checkedName('trigger', trigger));
    const wasThere = await this.#deps.jobs.deleteTrigger(key, options.ifVersion ?? undefined);
    if (!wasThere) throw notFound(key);
  }

  async pause(job: string, trigger: string): Promise<TriggerView> {
    return this.#change(this.#deps.owners.keyOf(job), trigger, undefined, (stored) =>
      isPaused(stored) ? null : { ...stored.definition, paused: true },
    );
  }

  /** Time starts again now: what fell into the pause is decided by the new watermark. */
  async resume(job: string, trigger: string): Promise<TriggerView> {
    try {
      return await this.#change(this.#deps.owners.keyOf(job), trigger, undefined, (stored) => {
        const { paused, ...definition } = stored.definition;
        return paused === true ? definition : null;
      });
    } catch (error) {
      if (!(error instanceof ValidationError) || error.code !== 'CJ_SCHEDULE_INVALID') throw error;
      throw new ConflictError('CJ_STATE_CONFLICT', `trigger ${job}/${trigger} has no fire left to resume for`, {
        trigger,
      });
    }
  }

  /** Reads, changes, writes over the version that was read; again when somebody else was faster. Null = leave as it is. */
  async #change(
    job: JobKey,
    name: string,
    ifVersion: ExpectedVersion,
    change: (stored: Trigger) => Promise<TriggerDefinition> | TriggerDefinition | null,
  ): Promise<TriggerView> {
    for (let tries = 1; ; tries++) {
      const stored = await this.#existing(job, name);
      const definition = await change(stored);
      if (definition === null) return triggerView(stored);
      const expected = ifVersion === undefined ? stored.state.version : ifVersion;
      try {
        await this.#write(job, name, { definition, stored, expected });
        return triggerView(await this.#existing(job, name));
      } catch (error) {
        const isRace = error instanceof ConflictError && error.code === 'CJ_VERSION_CONFLICT';
        if (!isRace || ifVersion !== undefined || tries === PATCH_TRIES) throw error;
      }
    }
  }

  async #write(
    job: JobKey,
    name: string,
    put: { definition: TriggerDefinition; stored: Trigger | null; expected: ExpectedVersion },
  ): Promise<PutOutcome> {
    const { definition, stored } = put;
    // A pause has to be possible also while a calendar is missing.
    const isSettled =
      definition.paused === true && isDeepStrictEqual(stored?.definition.calendars, definition.calendars);
    const lookup = this.#deps.calendars.lookup();
    const calendars = isSettled ? [] : await lookup.of(definition);
    const reason = definition.paused === true ? 'paused' : 'replaced';
    const outcome = await this.#deps.undecided.settledFor(reason, async ({ ifDecided }) => {
      const now = this.#deps.clusterClock.now();
      const write = triggerWrite(triggerKeyOf(job, name), definition, { now, stored, calendars });
      if (write === null) return 'unchanged';
      const condition = { expectedVersion: put.expected, ifDecided };
      const [written = 'unchanged'] = await this.#deps.jobs.putTriggers(job, [write], condition);
      return written;
    });
    await lookup.confirm();
    return outcome;
  }

  /** Null when the trigger is stored just so and nothing of it is left to fire. */
  async #prepare(key: TriggerKey, definition: TriggerDefinition, lookup: CalendarLookup): Promise<TriggerWrite | null> {
    const calendars = await lookup.of(definition);
    const now = this.#deps.clusterClock.now();
    try {
      return triggerWrite(key, definition, { now, stored: null, calendars });
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      return triggerWrite(key, definition, { now, stored: await this.#deps.jobs.getTrigger(key), calendars });
    }
  }

  async #existing(job: JobKey, name: string): Promise<Trigger> {
    const key = triggerKeyOf(job, checkedName('trigger', name));
    const trigger = await this.#deps.jobs.getTrigger(key);
    if (trigger === null) throw notFound(key);
    return trigger;
  }
}

function notFound(key: TriggerKey): NotFoundError {
  return new NotFoundError('CJ_TRIGGER_NOT_FOUND', `there is no trigger ${key}`, { trigger: key });
}

function isPaused(trigger: Trigger): boolean {
  return trigger.definition.paused === true;
}

/** A trigger that was read may be changed and put back: what only a get shows is passed over. */
function parseNamed(input: unknown, owner: Job): { name: string; definition: TriggerDefinition } {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  const written = isObject ? withoutReadOnly(input) : input;
  const parsed = parseTrigger(written, owner);
  if (isObject && !('name' in input)) throw new ValidationError([{ field: 'name', message: 'is missing' }]);
  return parsed;
}

function withoutReadOnly(view: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(view).filter(([name]) => !readOnlyNames.includes(name)));
}
