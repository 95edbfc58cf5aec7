import { randomUUID } from 'node:crypto';
import {
  backfillInputSchema,
  backfillTimes,
  MAX_BACKFILL_TIMES,
  type Backfill,
  type BackfillInput,
  type BackfillRequest,
} from '../domain/backfill.js';
import { ConflictError, NotFoundError, ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { waitsForCompletion } from '../domain/time/schedule.js';
import { compileTrigger, DEFAULT_TRIGGER, triggerKeyOf, type Trigger } from '../domain/trigger.js';
import type { BackfillStore } from '../store/backfill-store.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import type { JobStore } from '../store/job-store.js';
import { checkedName } from './queries.js';
import type { StoreCalendars } from './store-calendars.js';
import type { StoreJobs } from './store-jobs.js';
import { backfillView } from './view-of.js';
import type { BackfillView } from './views.js';

export interface StoreBackfillsDeps {
  readonly jobs: JobStore;
  readonly backfills: BackfillStore;
  readonly clusterClock: ClusterClock;
  readonly calendars: StoreCalendars;
  readonly owners: StoreJobs;
}

/** The backfills of one namespace, over the store. Contract: `JobClient`. */
export class StoreBackfills {
  readonly #deps: StoreBackfillsDeps;

  constructor(deps: StoreBackfillsDeps) {
    this.#deps = deps;
  }

  async start(job: string, input: BackfillInput): Promise<BackfillView> {
    const { backfills, owners } = this.#deps;
    const key = owners.keyOf(job);
    const { id = randomUUID(), trigger = DEFAULT_TRIGGER, ...asked } = parseInput(backfillInputSchema, input);
    await owners.existing(key);
    const existing = await backfills.getBackfill(key, id);
    if (existing !== null) return backfillView(same(existing, { trigger, ...asked }));
    const now = Math.floor(this.#deps.clusterClock.now());
    if (asked.to <= asked.from) refuse('to', 'must be later than from');
    if (asked.to > now) refuse('to', 'lies in the future', 'now or earlier');
    const { definition } = await this.#trigger(triggerKeyOf(key, trigger));
    if (waitsForCompletion(definition.schedule)) refuse('trigger', 'has no times of its own: it waits for completion');
    const request = { id, job: key, trigger, definition, ...withoutUndefined(asked), createdAt: now };
    const count = await this.#count(request);
    return backfillView(same(await backfills.putBackfill({ ...request, count }), { trigger, ...asked }));
  }

  async get(job: string, id: string): Promise<BackfillView> {
    const key = this.#deps.owners.keyOf(job);
    return backfillView(found(job, id, await this.#deps.backfills.getBackfill(key, checkedName('id', id))));
  }

  async list(job: string): Promise<readonly BackfillView[]> {
    const key = this.#deps.owners.keyOf(job);
    const all = await this.#deps.backfills.listBackfills(key);
    if (all.length === 0) await this.#deps.owners.existing(key);
    return all.map(backfillView);
  }

  async cancel(job: string, id: string): Promise<BackfillView> {
    const key = this.#deps.owners.keyOf(job);
    return backfillView(found(job, id, await this.#deps.backfills.cancelBackfill(key, checkedName('id', id))));
  }

  async #trigger(key: Trigger['key']): Promise<Trigger> {
    const trigger = await this.#deps.jobs.getTrigger(key);
    if (trigger === null) {
      throw new NotFoundError('CJ_TRIGGER_NOT_FOUND', `there is no trigger ${key}`, { trigger: key });
    }
    return trigger;
  }

  /** Errors: `ValidationError` when there is none in the range, or too many. */
  async #count(request: Omit<BackfillRequest, 'count'>): Promise<number> {
    const { job, trigger, definition, from } = request;
    const calendars = await this.#deps.calendars.lookup().of(definition);
    const compiled = compileTrigger(triggerKeyOf(job, trigger), definition, calendars);
    const times = backfillTimes(request, compiled, { after: from - 1, limit: MAX_BACKFILL_TIMES + 1 });
    if (times.length === 0) refuse('from', `no time of trigger ${trigger} lies in the range`);
    if (times.length > MAX_BACKFILL_TIMES) {
      refuse('to', 'too many times lie in the range', `up to ${MAX_BACKFILL_TIMES} in one backfill`);
    }
    return times.length;
  }
}

function refuse(field: string, message: string, allowed?: string): never {
  throw new ValidationError([{ field, message, ...(allowed === undefined ? {} : { allowed }) }]);
}

type Asked = Pick<BackfillRequest, 'trigger' | 'from' | 'to' | 'overlap'> & { readonly data?: unknown };

/** Errors: `CJ_IDEMPOTENCY_CONFLICT` when something else was asked for under this id. */
function same(stored: Backfill, asked: Asked): Backfill {
  const textOf = ({ trigger, from, to, overlap, data }: Asked): string =>
    JSON.stringify([trigger, from, to, overlap, data ?? null]);
  if (textOf(stored) === textOf(asked)) return stored;
  const message = `backfill ${stored.id} was asked for with another range, trigger, overlap or data`;
  throw new ConflictError('CJ_IDEMPOTENCY_CONFLICT', message, { backfill: stored.id });
}

function found(job: string, id: string, backfill: Backfill | null): Backfill {
  if (backfill !== null) return backfill;
  throw new NotFoundError('CJ_BACKFILL_NOT_FOUND', `job ${job} has no backfill ${id}`, { job, backfill: id });
}

function withoutUndefined<T extends { readonly data?: unknown }>({ data, ...rest }: T) {
  return data === undefined ? rest : { ...rest, data: data as NonNullable<BackfillRequest['data']> };
}
