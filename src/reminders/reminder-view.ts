import type { TriggerView } from '../client/views.js';
import { InvariantError } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/json.js';
import type { TriggerFacts } from './reminder-rule.js';

/** A reminder as its owner sees it. Plain JSON; instants are ISO 8601 in UTC. */
export interface ReminderView {
  readonly id: string;
  readonly uid: string;
  readonly kind: 'event' | 'birthday';
  readonly title: string;
  readonly body?: string;
  /** A date, or the wall-clock time of the first start in `timeZone`. */
  readonly startsAt: string;
  readonly timeZone: string;
  /** Present for a series. */
  readonly recurrence?: string;
  readonly sequence: number;
  /** The earliest of the alerts; absent when nothing follows. */
  readonly nextAt?: string;
  readonly alerts: readonly AlertView[];
}

export interface AlertView {
  /** Name of the trigger that fires it. */
  readonly trigger: string;
  readonly state: 'active' | 'paused' | 'finished';
  readonly nextAt?: string;
  /** For a moved instance of a series: the start that it had there. */
  readonly replaces?: string;
}

/** What a stored trigger says about its reminder. Errors: `CJ_INVARIANT` for a trigger that this part did not write. */
export function factsOf(trigger: TriggerView): TriggerFacts {
  const facts = isObject(trigger.data) ? trigger.data['reminder'] : undefined;
  if (!isObject(facts) || typeof facts['id'] !== 'string') {
    throw new InvariantError(`trigger ${trigger.job}/${trigger.name} is not a reminder`);
  }
  return facts as unknown as TriggerFacts;
}

/** `triggers` are all triggers of one reminder, at least one. */
export function reminderView(triggers: readonly TriggerView[]): ReminderView {
  const series = triggers.find((trigger) => factsOf(trigger).replaces === undefined) ?? triggers[0];
  if (series === undefined) throw new InvariantError('a reminder has no trigger');
  const { id, uid, kind, sequence, startsAt } = factsOf(series);
  const message = messageOf(series);
  const times = triggers.flatMap((trigger) => trigger.status.nextAt ?? []).sort();
  const rule = series.schedule.type === 'rrule' ? ruleOf(series.schedule.rrule) : null;
  return {
    ...{ id, uid, kind, title: typeof message['title'] === 'string' ? message['title'] : '' },
    ...(typeof message['body'] === 'string' ? { body: message['body'] } : {}),
    startsAt,
    timeZone: series.timeZone,
    ...(rule === null ? {} : { recurrence: rule }),
    sequence,
    ...(times[0] === undefined ? {} : { nextAt: times[0] }),
    alerts: triggers.map(alertView),
  };
}

function alertView(trigger: TriggerView): AlertView {
  const { replaces } = factsOf(trigger);
  const { state, nextAt } = trigger.status;
  return {
    trigger: trigger.name,
    state,
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(replaces === undefined ? {} : { replaces }),
  };
}

/** Null for what happens once. */
function ruleOf(text: string): string | null {
  return text.includes(':') ? text : null;
}

function messageOf(trigger: TriggerView): JsonObject {
  const message = isObject(trigger.data) ? trigger.data['message'] : undefined;
  return isObject(message) ? message : {};
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
