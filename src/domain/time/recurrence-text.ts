import { ValidationError } from '../errors.js';
import { DAY_MS, dayNumber, daysInMonth, type LocalMs } from './civil.js';
import { timeZoneOf, type TimeZone } from './time-zone.js';

/**
 * Reads the text of a recurrence: `FREQ=…`, or lines `RRULE:…`, `RDATE…:…`, `EXDATE…:…` as in iCalendar
 * (RFC 5545 3.3.10, 3.8.5). Strict: an unknown part or a value out of range is refused, not ignored.
 * All times become wall-clock times of the trigger's zone.
 */
export interface RecurrenceText {
  /** The parts of the rule, upper-case, without `UNTIL`; absent when the text has only dates. */
  readonly rule: ReadonlyMap<string, string> | null;
  /** Inclusive. */
  readonly until: LocalMs | null;
  /** Sorted. */
  readonly rdates: readonly LocalMs[];
  readonly exdates: ReadonlySet<LocalMs>;
}

const FREQUENCIES = 'SECONDLY|MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY';
const WEEKDAYS = 'SU|MO|TU|WE|TH|FR|SA';

/** What a part takes; `signed` values may count from the end. */
interface PartSpec {
  readonly pattern?: RegExp;
  readonly max?: number;
  readonly min?: number;
  readonly isSigned?: boolean;
  readonly allowed: string;
}

const PARTS: ReadonlyMap<string, PartSpec> = new Map<string, PartSpec>([
  ['FREQ', { pattern: new RegExp(`^(?:${FREQUENCIES})$`), allowed: FREQUENCIES.replaceAll('|', ' ') }],
  ['INTERVAL', { pattern: /^[1-9]\d{0,6}$/, allowed: '1-9999999' }],
  ['COUNT', { pattern: /^[1-9]\d{0,6}$/, allowed: '1-9999999' }],
  ['WKST', { pattern: new RegExp(`^(?:${WEEKDAYS})$`), allowed: WEEKDAYS.replaceAll('|', ' ') }],
  [
    'BYDAY',
    {
      pattern: new RegExp(`^(?:[+-]?(?:[1-9]|[1-4]\\d|5[0-3]))?(?:${WEEKDAYS})$`),
      allowed: 'MO to SU, with a number before it such as 2MO or -1FR',
    },
  ],
  ['BYSECOND', { min: 0, max: 59, allowed: '0-59' }],
  ['BYMINUTE', { min: 0, max: 59, allowed: '0-59' }],
  ['BYHOUR', { min: 0, max: 23, allowed: '0-23' }],
  ['BYMONTHDAY', { min: 1, max: 31, isSigned: true, allowed: '1-31 or -31--1' }],
  ['BYYEARDAY', { min: 1, max: 366, isSigned: true, allowed: '1-366 or -366--1' }],
  ['BYWEEKNO', { min: 1, max: 53, isSigned: true, allowed: '1-53 or -53--1' }],
  ['BYMONTH', { min: 1, max: 12, allowed: '1-12' }],
  ['BYSETPOS', { min: 1, max: 366, isSigned: true, allowed: '1-366 or -366--1' }],
  ['RSCALE', { pattern: /^GREGORIAN$/, allowed: 'GREGORIAN; use a lunar schedule for the Chinese calendar' }],
  ['SKIP', { pattern: /^(?:OMIT|BACKWARD|FORWARD)$/, allowed: 'OMIT BACKWARD FORWARD' }],
]);

/** Errors: `CJ_SCHEDULE_INVALID`, field `rrule`. */
export function readRecurrence(text: string, dtstart: LocalMs, zone: TimeZone): RecurrenceText {
  let rule: ReadonlyMap<string, string> | null = null;
  const rdates: LocalMs[] = [];
  const exdates = new Set<LocalMs>();
  for (const line of linesOf(text)) {
    const { name, parameters, value } = propertyOf(line);
    if (name === 'RRULE') {
      if (rule !== null) throw ruleError(`'${line}' is a second rule`, 'one RRULE; use several triggers for more');
      rule = readRule(value);
    } else if (name === 'RDATE' || name === 'EXDATE') {
      for (const part of value.split(',')) {
        const at = readDate(part, parameters, { dtstart, zone });
        if (name === 'RDATE') rdates.push(at);
        else exdates.add(at);
      }
    } else {
      throw ruleError(`'${name}' is not understood here`, 'RRULE, RDATE and EXDATE; dtstart is a field of its own');
    }
  }
  if (rule === null && rdates.length === 0) throw ruleError('there is no rule', 'FREQ=… or RRULE:FREQ=…');
  const until = rule?.get('UNTIL');
  return {
    rule: rule === null ? null : new Map([...rule].filter(([name]) => name !== 'UNTIL')),
    until: until === undefined ? null : readUntil(until, zone),
    rdates: rdates.sort((a, b) => a - b),
    exdates,
  };
}

/** Long lines are folded with a break and a blank (RFC 5545 3.1). */
function linesOf(text: string): readonly string[] {
  return text
    .replaceAll(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function propertyOf(line: string): { name: string; parameters: string; value: string } {
  const colon = line.indexOf(':');
  if (colon === -1) return { name: 'RRULE', parameters: '', value: line };
  const [name = '', ...parameters] = line.slice(0, colon).split(';');
  return { name: name.toUpperCase(), parameters: parameters.join(';'), value: line.slice(colon + 1) };
}

function readRule(text: string): ReadonlyMap<string, string> {
  const rule = new Map<string, string>();
  for (const part of text.toUpperCase().split(';')) {
    const [name = '', value = '', ...rest] = part.split('=');
    if (rest.length > 0 || value === '') throw ruleError(`'${part}' is not NAME=VALUE`);
    if (rule.has(name)) throw ruleError(`'${name}' is given twice`);
    if (name !== 'UNTIL') checkPart(name, value);
    rule.set(name, value);
  }
  if (!rule.has('FREQ')) throw ruleError('FREQ is missing', FREQUENCIES.replaceAll('|', ' '));
  if (rule.has('COUNT') && rule.has('UNTIL')) throw ruleError('COUNT and UNTIL exclude each other');
  if (rule.has('SKIP') && !rule.has('RSCALE')) throw ruleError('SKIP needs RSCALE=GREGORIAN');
  return rule;
}

function checkPart(name: string, value: string): void {
  const spec = PARTS.get(name);
  if (spec === undefined) throw ruleError(`'${name}' is not a part of a rule`, [...PARTS.keys(), 'UNTIL'].join(' '));
  const isList = name.startsWith('BY');
  for (const item of isList ? value.split(',') : [value]) {
    if (!isAllowed(item, spec)) throw ruleError(`'${item}' in ${name} is not allowed`, spec.allowed);
  }
}

function isAllowed(item: string, spec: PartSpec): boolean {
  if (spec.pattern !== undefined) return spec.pattern.test(item);
  if (!/^[+-]?\d{1,3}$/.test(item) || (spec.isSigned !== true && !/^\d/.test(item))) return false;
  const size = Math.abs(Number(item));
  return size >= (spec.min ?? 0) && size <= (spec.max ?? 0);
}

/** UNTIL as a date includes that whole day. */
function readUntil(text: string, zone: TimeZone): LocalMs {
  const parsed = readDateTime(text);
  if (parsed === null)
    throw ruleError(`'${text}' in UNTIL is not a date`, '20261231, 20261231T235959 or 20261231T235959Z');
  if (parsed.isDate) return parsed.local + DAY_MS - 1000;
  return parsed.isUtc ? parsed.local + zone.offsetAt(parsed.local) : parsed.local;
}

function readDate(text: string, parameters: string, at: { dtstart: LocalMs; zone: TimeZone }): LocalMs {
  const parsed = readDateTime(text);
  if (parsed === null)
    throw ruleError(`'${text}' is not a date or time`, '20261231, 20261231T090000 or 20261231T090000Z');
  if (parsed.isDate) return parsed.local + (at.dtstart - Math.floor(at.dtstart / DAY_MS) * DAY_MS);
  if (parsed.isUtc) return parsed.local + at.zone.offsetAt(parsed.local);
  const tzid = /(?:^|;)TZID="?([^";]+)"?/i.exec(parameters)?.[1];
  if (tzid === undefined) return parsed.local;
  const instant = timeZoneOf(tzid).instantOf(parsed.local);
  return instant + at.zone.offsetAt(instant);
}

/** The digits of `20261231`, `20261231T235959` or `20261231T235959Z`; null when they are no date. */
export function readDateTime(text: string): { local: LocalMs; isDate: boolean; isUtc: boolean } | null {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z)?)?$/.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((v) => Number(v ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const msOfDay = ((hour * 60 + minute) * 60 + second) * 1000;
  return {
    local: dayNumber(year, month, day) * DAY_MS + msOfDay,
    isDate: match[4] === undefined,
    isUtc: match[7] !== undefined,
  };
}

export function ruleError(message: string, allowed?: string): ValidationError {
  const violation = { field: 'rrule', message };
  return new ValidationError([allowed === undefined ? violation : { ...violation, allowed }], 'CJ_SCHEDULE_INVALID');
}

export function countError(count: number): ValidationError {
  return ruleError(`COUNT=${count} is too large to be counted with these parts`, 'less, or UNTIL');
}
