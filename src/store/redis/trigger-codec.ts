import { InvariantError } from '../../domain/errors.js';
import { scheduledExecutionId } from '../../domain/execution.js';
import type { MisfirePolicy } from '../../domain/misfire-policy.js';
import type { ShardId } from '../../domain/shard.js';
import type { Schedule } from '../../domain/time/schedule.js';
import type { Trigger, TriggerDefinition, TriggerKey } from '../../domain/trigger.js';
import { canonicalJson, parseJson } from './canonical-json.js';

/**
 * A trigger is stored as two lines, small because there are millions of them:
 *
 *     version|watermark|fireCount|nominal time of the last execution (or nothing)
 *     packed definition: fields separated by `|`, each one letter and a value; what has its default is left out
 *
 * The last execution's id follows from the trigger's key and its nominal time. `data` comes last and is not
 * escaped. Equal definitions pack to equal text: scripts compare them as text.
 */
const CODES = {
  cron: 'c',
  quartz: 'q',
  unix: 'u',
  every: 'e',
  at: 't',
  /** Scripts look for it, and for what else has a say in the next due instant. */
  after: 'w',
  /** Any other schedule, or one with further fields, as JSON. */
  schedule: 'x',
  timeZone: 'z',
  startAt: 'f',
  endAt: 'l',
  maxFires: 'n',
  jitterMs: 'j',
  dstGap: 'g',
  dstOverlap: 'o',
  /** Names, separated by commas. `scan_triggers` looks for it. */
  calendars: 'k',
  misfire: 'm',
  overlap: 'v',
  paused: 'p',
  data: 'd',
} as const;

/** Part of every record of a trigger that names calendars; may also stand in the data of others. */
export const CALENDARS_PART = `|${CODES.calendars}`;

const DEFAULT_ZONE = 'UTC';

export function packTrigger(definition: TriggerDefinition): string {
  const { schedule, timeZone, misfire, data } = definition;
  const fields = [packSchedule(schedule)];
  const add = (code: string, value: string | number | undefined): void => {
    if (value !== undefined) fields.push(`${code}${escape(String(value))}`);
  };
  add(CODES.timeZone, timeZone === DEFAULT_ZONE ? undefined : timeZone);
  add(CODES.startAt, definition.startAt);
  add(CODES.endAt, definition.endAt);
  add(CODES.maxFires, definition.maxFires);
  add(CODES.jitterMs, definition.jitterMs);
  add(CODES.dstGap, definition.dstGap);
  add(CODES.dstOverlap, definition.dstOverlap);
  add(CODES.calendars, definition.calendars?.join(','));
  if (misfire !== undefined) {
    add(CODES.misfire, `${misfire.policy},${misfire.graceMs},${misfire.maxAgeMs},${misfire.maxCount}`);
  }
  add(CODES.overlap, definition.overlap);
  add(CODES.paused, definition.paused === true ? '' : undefined);
  if (data !== undefined) fields.push(`${CODES.data}${canonicalJson(data)}`);
  return fields.join('|');
}

export function unpackTrigger(packed: string): TriggerDefinition {
  const fields = splitFields(packed);
  const [head] = fields;
  if (head === undefined) throw new InvariantError('the packed definition of a trigger is empty');
  const text = (code: string): string | undefined => fields.get(code);
  const number = (code: string): number | undefined => (fields.has(code) ? Number(fields.get(code)) : undefined);
  const misfire = text(CODES.misfire);
  const data = text(CODES.data);
  return defined({
    schedule: unpackSchedule(head[0], head[1]),
    timeZone: text(CODES.timeZone) ?? DEFAULT_ZONE,
    startAt: number(CODES.startAt),
    endAt: number(CODES.endAt),
    maxFires: number(CODES.maxFires),
    jitterMs: number(CODES.jitterMs),
    dstGap: text(CODES.dstGap),
    dstOverlap: text(CODES.dstOverlap),
    calendars: text(CODES.calendars)?.split(','),
    misfire: misfire === undefined ? undefined : unpackMisfire(misfire),
    overlap: text(CODES.overlap),
    data: data === undefined ? undefined : parseJson(data),
    paused: fields.has(CODES.paused) ? true : undefined,
  }) as unknown as TriggerDefinition;
}

/** `dueAt` is the score in the due set, null when the trigger is not in it. */
export function decodeTrigger(shard: ShardId, key: TriggerKey, value: string, dueAt: number | null): Trigger {
  const lineEnd = value.indexOf('\n');
  const [version, watermark, fireCount, lastNominalAt] = value.slice(0, lineEnd).split('|');
  if (lastNominalAt === undefined) throw new InvariantError(`the record of trigger ${key} is damaged`);
  return {
    key,
    definition: unpackTrigger(value.slice(lineEnd + 1)),
    state: {
      version: Number(version),
      watermark: Number(watermark),
      fireCount: Number(fireCount),
      ...(lastNominalAt === '' ? {} : { lastExecutionId: scheduledExecutionId(shard, key, Number(lastNominalAt)) }),
    },
    ...(dueAt === null ? {} : { dueAt }),
  };
}

function packSchedule(schedule: Schedule): string {
  if (schedule.type === 'cron') {
    const { dialect, expression } = schedule;
    const code = dialect === undefined ? CODES.cron : dialect === 'quartz' ? CODES.quartz : CODES.unix;
    return `${code}${escape(expression)}`;
  }
  if (schedule.type === 'every' && schedule.anchor === undefined) return `${CODES.every}${schedule.everyMs}`;
  if (schedule.type === 'after') return `${CODES.after}${schedule.delayMs}`;
  if (schedule.type === 'at') return `${CODES.at}${escape(schedule.at)}`;
  return `${CODES.schedule}${escape(canonicalJson(schedule))}`;
}

function unpackSchedule(code: string, value: string): Schedule {
  switch (code) {
    case CODES.cron:
      return { type: 'cron', expression: value };
    case CODES.quartz:
      return { type: 'cron', expression: value, dialect: 'quartz' };
    case CODES.unix:
      return { type: 'cron', expression: value, dialect: 'unix' };
    case CODES.every:
      return { type: 'every', everyMs: Number(value) };
    case CODES.at:
      return { type: 'at', at: value };
    case CODES.after:
      return { type: 'after', delayMs: Number(value) };
    case CODES.schedule:
      return parseJson(value) as unknown as Schedule;
    default:
      throw new InvariantError(`a stored trigger has the unknown schedule code ${code}`);
  }
}

function unpackMisfire(text: string): MisfirePolicy {
  const [policy, graceMs, maxAgeMs, maxCount] = text.split(',');
  return {
    policy: policy as MisfirePolicy['policy'],
    graceMs: Number(graceMs),
    maxAgeMs: Number(maxAgeMs),
    maxCount: Number(maxCount),
  };
}

/** Code to value, in stored order: the schedule is first. */
function splitFields(packed: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (let from = 0; from <= packed.length;) {
    const code = packed.charAt(from);
    const bar = code === CODES.data ? -1 : packed.indexOf('|', from);
    const until = bar === -1 ? packed.length : bar;
    const value = packed.slice(from + 1, until);
    fields.set(code, code === CODES.data ? value : unescape(value));
    from = until + 1;
  }
  return fields;
}

function escape(text: string): string {
  return /[|%\n]/.test(text) ? text.replaceAll('%', '%25').replaceAll('|', '%7C').replaceAll('\n', '%0A') : text;
}

function unescape(text: string): string {
  return text.includes('%') ? text.replaceAll('%0A', '\n').replaceAll('%7C', '|').replaceAll('%25', '%') : text;
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const name in fields) if (fields[name] !== undefined) result[name] = fields[name];
  return result;
}
