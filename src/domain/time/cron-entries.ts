import { ValidationError } from '../errors.js';
import { placementHash } from '../shard.js';
import { bits60Of } from './bit-sets.js';
import type { TimeField } from './cron-fields.js';

/** The part of reading a cron field that both dialects share: lists of values, ranges and steps. */

export interface FieldSpec {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Largest step, inclusive. */
  readonly maxStep: number;
  /** Upper-case name to value. */
  readonly names?: ReadonlyMap<string, number>;
}

export const MONTH_NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
export const WEEKDAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;

function numbered(names: readonly string[], first: number): ReadonlyMap<string, number> {
  return new Map(names.map((name, i) => [name, i + first]));
}

export const SECOND: FieldSpec = { name: 'second', min: 0, max: 59, maxStep: 59 };
export const MINUTE: FieldSpec = { name: 'minute', min: 0, max: 59, maxStep: 59 };
export const HOUR: FieldSpec = { name: 'hour', min: 0, max: 23, maxStep: 23 };
export const DAY_OF_MONTH: FieldSpec = { name: 'day-of-month', min: 1, max: 31, maxStep: 31 };
export const MONTH: FieldSpec = { name: 'month', min: 1, max: 12, maxStep: 12, names: numbered(MONTH_NAMES, 1) };
/** 0 and 7 are Sunday. */
export const UNIX_WEEKDAY: FieldSpec = {
  name: 'day-of-week',
  min: 0,
  max: 7,
  maxStep: 7,
  names: numbered(WEEKDAY_NAMES, 0),
};
/** 1 is Sunday. */
export const QUARTZ_WEEKDAY: FieldSpec = {
  name: 'day-of-week',
  min: 1,
  max: 7,
  maxStep: 7,
  names: numbered(WEEKDAY_NAMES, 1),
};
export const YEAR: FieldSpec = { name: 'year', min: 1970, max: 2199, maxStep: 229 };

export function allowedValues(spec: FieldSpec): string {
  const names = spec.names === undefined ? '' : ` or ${[...spec.names.keys()].join(' ')}`;
  return `${spec.min}-${spec.max}${names}`;
}

/** Says which fragment of which field is wrong, and what the field takes. */
export function fragmentError(fragment: string, spec: FieldSpec, problem: string, allowed?: string): ValidationError {
  return expressionError(`'${fragment}' in the ${spec.name} field ${problem}`, allowed ?? allowedValues(spec));
}

export function expressionError(message: string, allowed?: string): ValidationError {
  const violation = { field: 'expression', message };
  return new ValidationError([allowed === undefined ? violation : { ...violation, allowed }], 'CJ_SCHEDULE_INVALID');
}

export interface ReadOptions {
  /** May a range run past the end of the field, as `22-2` or `FRI-MON`? */
  readonly canWrap: boolean;
  /** Decides the values of `H`; null where `H` is not known. */
  readonly seed: string | null;
}

export interface FieldValues {
  readonly values: readonly number[];
  /** Exactly `*` or an equal of it. */
  readonly isStar: boolean;
  readonly isStepped: boolean;
}

/** Splits a list; empty entries are refused. */
export function entriesOf(text: string, spec: FieldSpec): readonly string[] {
  const entries = text.split(',');
  if (entries.includes('')) throw fragmentError(text, spec, 'has an empty entry in its list');
  return entries;
}

/** Reads a whole field of plain entries. */
export function readField(text: string, spec: FieldSpec, options: ReadOptions): FieldValues {
  const values: number[] = [];
  let isStar = false;
  let isStepped = false;
  for (const entry of entriesOf(text, spec)) {
    const read = readEntry(entry, spec, options);
    values.push(...read.values);
    isStar ||= read.isStar;
    isStepped ||= read.isStepped;
  }
  return { values, isStar, isStepped: isStepped || isStar };
}

/** Reads `*`, `H`, a value or a range, each with an optional step. */
export function readEntry(entry: string, spec: FieldSpec, options: ReadOptions): FieldValues {
  const [base = '', stepText, ...rest] = entry.split('/');
  if (rest.length > 0) throw fragmentError(entry, spec, 'has more than one step');
  const step = stepText === undefined ? 1 : readStep(stepText, entry, spec);
  const upper = base.toUpperCase();
  if (upper.startsWith('H') && options.seed !== null)
    return readHash(upper, { entry, spec, seed: options.seed }, stepText === undefined ? 0 : step);
  if (upper === '*') return stepped(spec.min, lastOf(spec), step, step === 1);
  const range = upper.split('-');
  if (range.length > 2) throw fragmentError(entry, spec, 'is not a value, range or step');
  const first = readValue(range[0] as string, entry, spec);
  if (range.length === 1) {
    return stepText === undefined
      ? { values: [first], isStar: false, isStepped: false }
      : stepped(first, Math.max(first, lastOf(spec)), step, false);
  }
  let last = readValue(range[1] as string, entry, spec);
  if (spec === UNIX_WEEKDAY && range[1] === 'SUN' && first > 0) last = 7;
  if (last >= first) return stepped(first, last, step, false);
  if (!options.canWrap) throw fragmentError(entry, spec, 'runs backwards');
  const size = spec.max - spec.min + 1;
  const wrapped = stepped(first, last + size, step, false);
  return { ...wrapped, values: wrapped.values.map((v) => (v > spec.max ? v - size : v)) };
}

/** The largest value of `*`: unix' second Sunday would count twice. */
function lastOf(spec: FieldSpec): number {
  return spec === UNIX_WEEKDAY ? 6 : spec.max;
}

function stepped(first: number, last: number, step: number, isStar: boolean): FieldValues {
  const values: number[] = [];
  for (let v = first; v <= last; v += step) values.push(v);
  return { values, isStar, isStepped: step > 1 && values.length > 1 };
}

/** A number of at most four digits, or null. */
export function readNumber(text: string): number | null {
  return /^\d{1,4}$/.test(text) ? Number(text) : null;
}

export function readValue(text: string, entry: string, spec: FieldSpec): number {
  const named = spec.names?.get(text.toUpperCase());
  if (named !== undefined) return named;
  const value = readNumber(text);
  if (value === null) throw fragmentError(entry, spec, 'is not understood');
  if (value < spec.min || value > spec.max) throw fragmentError(entry, spec, 'is out of range');
  return value;
}

function readStep(text: string, entry: string, spec: FieldSpec): number {
  const step = readNumber(text);
  if (step === null) throw fragmentError(entry, spec, 'has a step that is not a number', `1-${spec.maxStep}`);
  if (step < 1 || step > spec.maxStep) throw fragmentError(entry, spec, 'has a step out of range', `1-${spec.maxStep}`);
  return step;
}

/**
 * `H`: one value, chosen by a hash of the trigger and the field, so that many triggers with the same text
 * spread out. `H(a-b)` chooses inside a range; `H/n` starts every n at a chosen first value. Days of the month
 * are chosen out of 1-28, which every month has.
 */
function readHash(
  base: string,
  { entry, spec, seed }: { entry: string; spec: FieldSpec; seed: string },
  step: number,
): FieldValues {
  const match = /^H(?:\(([^()-]+)-([^()-]+)\))?$/.exec(base);
  if (match === null) throw fragmentError(entry, spec, 'is not understood', 'H, H(a-b), H/n or H(a-b)/n');
  const [, from, to] = match;
  const first = from === undefined ? spec.min : readValue(from, entry, spec);
  const last = to === undefined ? (spec === DAY_OF_MONTH ? 28 : lastOf(spec)) : readValue(to, entry, spec);
  if (last < first) throw fragmentError(entry, spec, 'runs backwards');
  const hash = placementHash(`${seed}#${spec.name}`);
  if (step === 0) return { values: [first + (hash % (last - first + 1))], isStar: false, isStepped: false };
  return stepped(first + (hash % Math.min(step, last - first + 1)), last, step, false);
}

/** Seconds, minutes and hours. */
export function readTimeField(text: string, spec: FieldSpec, options: ReadOptions): TimeField {
  const { values, isStepped } = readField(text, spec, options);
  return { bits: bits60Of(values), isStepped };
}

export const ZERO: TimeField = { bits: { low: 1, high: 0 }, isStepped: false };
