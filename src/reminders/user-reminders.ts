import type { JobClient } from '../client/job-client.js';
import type { JobView, TriggerView } from '../client/views.js';
import { NotFoundError } from '../domain/errors.js';
import { MAX_PAGE_SIZE } from '../domain/limits.js';
import { factsOf } from './reminder-view.js';
import { hashOf } from './reminder.js';

/** What reminders need of a client; in tests and in the API it is the whole one. */
export type ReminderClient = Pick<
  JobClient,
  'getJob' | 'putJob' | 'putTriggers' | 'patchTrigger' | 'listTriggers' | 'deleteTrigger'
>;

/** A message that was not seen within a day is of no use any more. */
const TTL_MS = 86_400_000;

/**
 * The job that holds the reminders of one user. A job for each user, not one for all: listing a user's
 * reminders reads only them, users spread over the shards, and pausing or deleting a user is one call.
 */
export class UserReminders {
  readonly job: string;
  readonly #client: ReminderClient;
  readonly #user: string;

  constructor({ client }: { readonly client: ReminderClient }, { user }: { readonly user: string }) {
    this.#client = client;
    this.#user = user;
    this.job = `reminders.${hashOf(user)}`;
  }

  /**
   * Makes sure that the job exists, and returns the user's zone. `timeZone` becomes the zone from now on, and
   * what is read on the user's wall clock moves with it; `fallback` applies to a new user without one.
   */
  async open(timeZone: string | undefined, fallback = 'UTC'): Promise<string> {
    const stored = await this.#stored();
    const wanted = timeZone ?? stored?.timeZone ?? fallback;
    if (stored?.timeZone === wanted) return wanted;
    await this.#client.putJob({
      name: this.job,
      target: { type: 'push', users: [this.#user], ttlMs: TTL_MS },
      timeZone: wanted,
      overlap: 'allow',
      labels: { ...stored?.labels, reminders: 'yes', user: this.#user },
    });
    if (stored !== null) await this.#moveTo(wanted);
    return wanted;
  }

  /** All triggers by the id of their reminder. Empty for a user without any. */
  async triggers(): Promise<Map<string, TriggerView[]>> {
    const found = new Map<string, TriggerView[]>();
    for (const trigger of await this.#all()) {
      const { id } = factsOf(trigger);
      const group = found.get(id) ?? [];
      group.push(trigger);
      found.set(id, group);
    }
    return found;
  }

  async remove(triggers: readonly { readonly name: string }[]): Promise<void> {
    for (const { name } of triggers) await ignoringAbsence(this.#client.deleteTrigger(this.job, name));
  }

  async #stored(): Promise<JobView | null> {
    return (await ignoringAbsence(this.#client.getJob(this.job))) ?? null;
  }

  async #all(): Promise<TriggerView[]> {
    const all: TriggerView[] = [];
    let cursor: string | undefined;
    do {
      const page = await ignoringAbsence(this.#client.listTriggers(this.job, { cursor, limit: MAX_PAGE_SIZE }));
      all.push(...(page?.items ?? []));
      cursor = page?.nextCursor;
    } while (cursor !== undefined);
    return all;
  }

  async #moveTo(timeZone: string): Promise<void> {
    for (const trigger of await this.#all()) {
      if (!factsOf(trigger).isFloating || trigger.timeZone === timeZone || trigger.status.state === 'finished')
        continue;
      await ignoringAbsence(this.#client.patchTrigger(this.job, trigger.name, { timeZone }));
    }
  }
}

async function ignoringAbsence<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
