import { setImmediate as turn } from 'node:timers/promises';
import type { TriggerView } from '../client/views.js';
import { NotFoundError, RequestError, ValidationError } from '../domain/errors.js';
import { parseInput } from '../domain/input.js';
import { NAME, USER_ID } from '../domain/limits.js';
import type { EpochMs } from '../domain/time/instant.js';
import { firstFire, parseTrigger } from '../domain/trigger.js';
import type { ClusterClock } from '../store/cluster-clock.js';
import { readCalendar } from './icalendar.js';
import { parseImportOptions, parseReminder } from './reminder-input.js';
import { REMINDER_DEFAULTS, triggersOf, type PlannedTrigger, type ReminderDefaults } from './reminder-rule.js';
import { factsOf, reminderView, type ReminderView } from './reminder-view.js';
import { isAllDay, type ReadFile, type Reminder, type Skipped, type SkipReason } from './reminder.js';
import { UserReminders, type ReminderClient } from './user-reminders.js';
import { readCards, type LeapDayRule } from './vcard.js';

export type { ReminderInput, ImportOptions } from './reminder-input.js';
export { reminderInputSchema, importOptionsSchema } from './reminder-input.js';
export type { AlertView, ReminderView } from './reminder-view.js';

export const IMPORT_MEDIA_TYPES = ['text/calendar', 'text/vcard'] as const;

export type ReminderOutcome = 'created' | 'updated' | 'unchanged' | 'deleted' | 'skipped';

/** What became of one event or card of a file. */
export interface ImportedItem {
  readonly uid: string;
  readonly title: string;
  readonly outcome: ReminderOutcome;
  /** Under which the reminder is found; absent when it was skipped. */
  readonly id?: string;
  /** How many triggers it has now. */
  readonly triggerCount?: number;
  readonly reason?: SkipReason;
  readonly detail?: string;
}

export interface ImportReport {
  readonly items: readonly ImportedItem[];
  readonly counts: Readonly<Record<ReminderOutcome, number>>;
}

interface Plan {
  readonly reminder: Reminder;
  readonly triggers: readonly PlannedTrigger[];
  /** Why there is no trigger. */
  readonly skip?: { readonly reason: SkipReason; readonly detail?: string };
}

/** After so many events the event loop gets a turn: a large file must not stop others. */
const EVENTS_PER_TURN = 50;

/**
 * The reminders of the users of one namespace: calendars and birthdays in, triggers out. Holds nothing open.
 * Every call may be repeated; a repeated import changes nothing.
 */
export class RemindersService {
  readonly #client: ReminderClient;
  readonly #clock: Pick<ClusterClock, 'now'>;

  constructor(deps: { readonly client: ReminderClient; readonly clusterClock: Pick<ClusterClock, 'now'> }) {
    this.#client = deps.client;
    this.#clock = deps.clusterClock;
  }

  /** Full replacement. Errors: `ValidationError`, also when every alert is in the past. */
  async put(
    user: string,
    id: string,
    input: unknown,
  ): Promise<{ readonly outcome: 'created' | 'changed' | 'unchanged'; readonly reminder: ReminderView }> {
    parseInput(NAME, id);
    const { reminder, timeZone } = parseReminder(id, input);
    const plan = this.#plan(reminder, { timeZone: timeZone ?? 'UTC', defaults: REMINDER_DEFAULTS });
    if (plan.skip !== undefined) throw refusal(plan.skip);
    const mine = this.#of(user);
    const zone = await mine.open(isAllDay(reminder.start) ? timeZone : undefined, timeZone);
    const stored = (await mine.triggers()).get(id) ?? [];
    const outcome = await this.#write(
      mine,
      [this.#plan(reminder, { timeZone: zone, defaults: REMINDER_DEFAULTS })],
      new Map([[id, stored]]),
    );
    const item = outcome[0]?.outcome;
    return {
      outcome: item === 'created' ? 'created' : item === 'unchanged' ? 'unchanged' : 'changed',
      reminder: await this.get(user, id),
    };
  }

  /** Errors: `CJ_REMINDER_NOT_FOUND`. */
  async get(user: string, id: string): Promise<ReminderView> {
    return reminderView(await this.#existing(user, id));
  }

  /** All reminders of the user, the next one first. */
  async list(user: string): Promise<readonly ReminderView[]> {
    const groups = await this.#of(user).triggers();
    const key = ({ nextAt, id }: ReminderView): string => `${nextAt ?? '9'} ${id}`;
    return [...groups.values()].map(reminderView).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  /** Errors: `CJ_REMINDER_NOT_FOUND`. */
  async delete(user: string, id: string): Promise<void> {
    await this.#of(user).remove(await this.#existing(user, id));
  }

  /**
   * Takes over a calendar (`text/calendar`) or an address book (`text/vcard`). A malformed file changes nothing;
   * of a well-formed one every event is reported. Reminders that are not in the file stay.
   * Errors: `CJ_CALENDAR_FILE_INVALID`, `CJ_UNSUPPORTED_MEDIA_TYPE`, `ValidationError` for the options.
   */
  async import(
    user: string,
    file: { readonly mediaType: string; readonly bytes: Uint8Array },
    options: unknown = {},
  ): Promise<ImportReport> {
    const { timeZone, defaults, leapDay } = parseImportOptions(options);
    const mine = this.#of(user);
    const { reminders, skipped } = readFile(file, leapDay);
    const zone = await mine.open(timeZone);
    const stored = await mine.triggers();
    const items: ImportedItem[] = skipped.map(skippedItem);
    const plans: Plan[] = [];
    for (const [index, reminder] of reminders.entries()) {
      if (index % EVENTS_PER_TURN === 0) await turn();
      const storedSequence = Math.max(...(stored.get(reminder.id) ?? []).map((t) => factsOf(t).sequence), -1);
      if (storedSequence > reminder.sequence) items.push(skippedItem({ ...reminder, reason: 'older-than-stored' }));
      else plans.push(this.#plan(reminder, { timeZone: zone, defaults }));
    }
    items.push(...(await this.#write(mine, plans, stored)));
    return { items, counts: countsOf(items) };
  }

  #of(user: string): UserReminders {
    return new UserReminders({ client: this.#client }, { user: parseInput(USER_ID, user) });
  }

  async #existing(user: string, id: string): Promise<readonly TriggerView[]> {
    const triggers = (await this.#of(user).triggers()).get(id);
    if (triggers !== undefined) return triggers;
    throw new NotFoundError('CJ_REMINDER_NOT_FOUND', `user ${user} has no reminder ${id}`, { user, reminder: id });
  }

  /** The triggers of a reminder that still have something to fire. */
  #plan(reminder: Reminder, context: { readonly timeZone: string; readonly defaults: ReminderDefaults }): Plan {
    if (reminder.isCancelled) return { reminder, triggers: [], skip: { reason: 'cancelled' } };
    const all = triggersOf(reminder, context);
    if (all.length === 0) return { reminder, triggers: [], skip: { reason: 'no-alarms' } };
    try {
      const triggers = all.filter((trigger) => hasFuture(trigger, context.timeZone, this.#clock.now()));
      return triggers.length === 0 ? { reminder, triggers, skip: { reason: 'past' } } : { reminder, triggers };
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      return { reminder, triggers: [], skip: { reason: 'invalid', detail: error.message } };
    }
  }

  /** Writes what is planned, removes what is not planned any more. One result for each plan, in order. */
  async #write(
    mine: UserReminders,
    plans: readonly Plan[],
    stored: ReadonlyMap<string, readonly TriggerView[]>,
  ): Promise<ImportedItem[]> {
    const results = await this.#client.putTriggers(
      mine.job,
      plans.flatMap((plan) => plan.triggers),
    );
    const outcomes = new Map(results.map((result) => [result.name, result]));
    const items: ImportedItem[] = [];
    for (const plan of plans) {
      const before = plan.skip?.reason === 'invalid' ? [] : (stored.get(plan.reminder.id) ?? []);
      const gone = before.filter((trigger) => !plan.triggers.some(({ name }) => name === trigger.name));
      await mine.remove(gone);
      const written = plan.triggers.map(({ name }) => {
        const result = outcomes.get(name);
        if (result !== undefined && 'error' in result) throw result.error;
        return result?.outcome ?? 'unchanged';
      });
      // That a past alert is cleared away is no change.
      const isChanged =
        written.some((outcome) => outcome !== 'unchanged') || gone.some(({ status }) => status.state !== 'finished');
      items.push(itemOf(plan, { isNew: before.length === 0, isChanged }));
    }
    return items;
  }
}

function readFile(
  { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Uint8Array },
  leapDay: LeapDayRule,
): ReadFile {
  const type = mediaType.split(';')[0]?.trim().toLowerCase();
  if (type === 'text/calendar') return readCalendar(bytes);
  if (type === 'text/vcard' || type === 'text/x-vcard') return readCards(bytes, { leapDay });
  throw new RequestError('CJ_UNSUPPORTED_MEDIA_TYPE', `'${mediaType}' cannot be imported`, {
    allowed: IMPORT_MEDIA_TYPES,
  });
}

/** Errors: `ValidationError` for a rule that cannot be used. */
function hasFuture(trigger: PlannedTrigger, timeZone: string, now: EpochMs): boolean {
  const { name, definition } = parseTrigger(trigger, { timeZone });
  try {
    firstFire(`check/check/${name}`, definition, now);
    return true;
  } catch (error) {
    if (error instanceof ValidationError) return false;
    throw error;
  }
}

function itemOf(plan: Plan, { isNew, isChanged }: { isNew: boolean; isChanged: boolean }): ImportedItem {
  const { id, uid, title } = plan.reminder;
  if (plan.skip !== undefined) {
    const isDeletion = plan.skip.reason === 'cancelled' && !isNew;
    return isDeletion
      ? { uid, title, id, outcome: 'deleted', triggerCount: 0 }
      : skippedItem({ uid, title, ...plan.skip });
  }
  const outcome = isNew ? 'created' : isChanged ? 'updated' : 'unchanged';
  return { uid, title, id, outcome, triggerCount: plan.triggers.length };
}

function skippedItem({ uid, title, reason, detail }: Skipped): ImportedItem {
  return { uid, title, outcome: 'skipped', reason, ...(detail === undefined ? {} : { detail }) };
}

function countsOf(items: readonly ImportedItem[]): Record<ReminderOutcome, number> {
  const counts = { created: 0, updated: 0, unchanged: 0, deleted: 0, skipped: 0 };
  for (const { outcome } of items) counts[outcome] += 1;
  return counts;
}

function refusal({ reason, detail }: NonNullable<Plan['skip']>): ValidationError {
  if (reason === 'past')
    return new ValidationError([{ field: 'startsAt', message: 'every alert is in the past' }], 'CJ_SCHEDULE_INVALID');
  return new ValidationError([{ field: 'recurrence', message: detail ?? reason }], 'CJ_SCHEDULE_INVALID');
}
