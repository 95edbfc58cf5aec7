import { ValidationError } from '../errors.js';
import { BoundedCache } from './bounded-cache.js';
import { DAY_MS, dayNumber, HOUR_MS, SECOND_MS, type LocalMs } from './civil.js';
import type { DurationMs, EpochMs } from './instant.js';

/**
 * The offsets of one IANA zone as a table, so that the search for a fire time never asks `Intl`.
 *
 * Time is cut into chunks of 24 days. A chunk is worked out when it is first asked for, by sampling `Intl` and
 * bisecting where two samples differ, and kept; no chunk depends on another, so the year 2199 costs as much
 * as this one, and a question costs no more than the few chunks around its answer. A chunk looks `MARGIN_MS`
 * beyond both of its ends, so that a stretch that begins or ends near the border is known with its true
 * neighbours.
 */

/** A stretch of time with one offset. `start` is inclusive, `end` exclusive. */
export interface OffsetSpan {
  readonly start: EpochMs;
  readonly end: EpochMs;
  readonly offsetMs: DurationMs;
  /** Offset just before `start`: smaller than `offsetMs` = a gap at `start`, greater = an overlap there. */
  readonly offsetBeforeMs: DurationMs;
  /** Offset from `end` on. */
  readonly offsetAfterMs: DurationMs;
}

const CHUNK_MS = 24 * DAY_MS;
const MARGIN_MS = 3 * DAY_MS;
/** A span is cut this far outside of its chunk; no gap or overlap (24 h at most) reaches over the rest of the margin. */
const CUT_MS = DAY_MS;
/**
 * Shorter than the shortest stretch between two changes: 3.99 days in any zone since 1900 (Freetown 1939), 7
 * days since 1970 (Boa Vista 2000), 28 days in what is known of the future (Casablanca's Ramadan, to 2087).
 * From 2090 on zones only repeat a rule with months between changes.
 */
const SAMPLES_MS: readonly (readonly [before: EpochMs, stepMs: DurationMs])[] = [
  [Date.UTC(1970, 0, 1), 3 * DAY_MS],
  [Date.UTC(2038, 0, 1), 6 * DAY_MS],
  [Date.UTC(2090, 0, 1), 15 * DAY_MS],
  [Infinity, CHUNK_MS + 2 * MARGIN_MS],
];
/** Outside of these years the offset of the nearest chunk holds. */
const FIRST_CHUNK = Math.floor(Date.UTC(1900, 0, 1) / CHUNK_MS);
const LAST_CHUNK = Math.floor(Date.UTC(2200, 0, 2) / CHUNK_MS);
/** Chunks are kept in groups, so that a zone that is asked about this year takes little memory. */
const GROUP_SIZE = 64;

export class TimeZone {
  private readonly groups: (readonly OffsetSpan[] | undefined)[][] = [];
  /** The changes found last, for `firstChange`. */
  private readonly newestChanges: EpochMs[] = [];

  /** `name` must be known to `Intl`; use `timeZoneOf`. */
  constructor(readonly name: string) {}

  /** The span that contains `at`. It may be cut where nothing changes; then both offsets are equal there. */
  spanAt(at: EpochMs): OffsetSpan {
    const number = Math.min(Math.max(Math.floor(at / CHUNK_MS), FIRST_CHUNK), LAST_CHUNK);
    const index = number - FIRST_CHUNK;
    const group = this.groups[(index / GROUP_SIZE) | 0];
    const spans = group?.[index % GROUP_SIZE] ?? this.read(index);
    for (const span of spans) {
      if (at < span.end) return span;
    }
    return spans[spans.length - 1] as OffsetSpan;
  }

  private read(index: number): readonly OffsetSpan[] {
    const number = (index / GROUP_SIZE) | 0;
    for (let i = this.groups.length; i <= number; i++) this.groups.push([]);
    const group = this.groups[number] as (readonly OffsetSpan[] | undefined)[];
    for (let i = group.length; i < GROUP_SIZE; i++) group.push(undefined);
    return (group[index % GROUP_SIZE] = readChunk(this.name, index + FIRST_CHUNK, this.newestChanges));
  }

  offsetAt(at: EpochMs): DurationMs {
    return this.spanAt(at).offsetMs;
  }

  /**
   * The instant of an explicit wall-clock time, as RFC 5545 3.3.5 reads it: the first of two, and in a gap
   * the one that the offset before the gap gives.
   */
  instantOf(local: LocalMs): EpochMs {
    const early = local - this.offsetAt(local - DAY_MS);
    const late = local - this.offsetAt(local + DAY_MS);
    if (early === late) return early;
    return this.offsetAt(early) === local - early ? early : this.offsetAt(late) === local - late ? late : early;
  }
}

const zones = new Map<string, TimeZone>();
/** Names as callers spell them; spellings are endless, so the map is emptied when it grows past its limit. */
const spellings = new Map<string, TimeZone>();
const MAX_SPELLINGS = 1000;

/**
 * The table of a zone, shared by all who ask. Holds at most one table per IANA name.
 * Errors: `CJ_SCHEDULE_INVALID`, field `timeZone`, when the zone is not known here.
 */
export function timeZoneOf(name: string): TimeZone {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  const canonical = canonicalName(name);
  const zone = zones.get(canonical) ?? new TimeZone(canonical);
  zones.set(canonical, zone);
  if (spellings.size >= MAX_SPELLINGS) spellings.clear();
  spellings.set(name, zone);
  return zone;
}

/** Offset zones such as `+02:00` are refused: only newer ICUs know them, and members must agree. */
function canonicalName(name: string): string {
  try {
    if (/^[A-Za-z]/.test(name)) return formatOf(name).resolvedOptions().timeZone;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new ValidationError(
    [
      {
        field: 'timeZone',
        message: `'${name}' is not a known time zone`,
        allowed: 'an IANA name such as Europe/Berlin or UTC',
      },
    ],
    'CJ_SCHEDULE_INVALID',
  );
}

/** Formats take about 30 KB each; a search asks one zone many times. */
const formats = new BoundedCache<Intl.DateTimeFormat>(32);

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formats.set(timeZone, format);
  return format;
}

// The first format of a process takes 30 ms: made while the process starts, not while a caller waits.
offsetOf(formatOf('UTC'), 0);

function readChunk(name: string, number: number, newestChanges: EpochMs[]): readonly OffsetSpan[] {
  const format = formatOf(name);
  const offsetAt = (at: EpochMs): DurationMs => offsetOf(format, at);
  const from = number * CHUNK_MS - MARGIN_MS;
  const to = (number + 1) * CHUNK_MS + MARGIN_MS;
  const sampleMs = SAMPLES_MS.find(([before]) => from < before)?.[1] ?? DAY_MS;

  let offset = offsetAt(from);
  const edges: { at: EpochMs; offsetMs: DurationMs }[] = [{ at: from, offsetMs: offset }];
  for (let at = from; at < to; at += sampleMs) {
    const end = Math.min(at + sampleMs, to);
    const endOffset = offsetAt(end);
    for (let low = at; offset !== endOffset;) {
      low = firstChange(offsetAt, { from: low, to: end }, newestChanges);
      newestChanges.unshift(low);
      newestChanges.length = Math.min(newestChanges.length, 4);
      offset = offsetAt(low);
      edges.push({ at: low, offsetMs: offset });
    }
  }
  return spansOf(edges, number * CHUNK_MS);
}

/** `edges` begins with the first sampled instant, which is no change. */
function spansOf(edges: readonly { at: EpochMs; offsetMs: DurationMs }[], chunkStart: EpochMs): OffsetSpan[] {
  const chunkEnd = chunkStart + CHUNK_MS;
  const spans: OffsetSpan[] = [];
  edges.forEach(({ at, offsetMs }, i) => {
    const following = edges[i + 1];
    const start = i === 0 ? chunkStart - CUT_MS : at;
    const end = following === undefined ? chunkEnd + CUT_MS : following.at;
    if (end <= chunkStart || start >= chunkEnd) return;
    spans.push({
      start,
      end,
      offsetMs,
      offsetBeforeMs: edges[i - 1]?.offsetMs ?? offsetMs,
      offsetAfterMs: following?.offsetMs ?? offsetMs,
    });
  });
  return spans;
}

/** A rule such as the last Sunday in March comes again after 52 or 53 weeks. */
const YEARS_MS: readonly DurationMs[] = [364 * DAY_MS, 371 * DAY_MS];
/** Nearly all changes are on an hour or a quarter of it: looking there first saves half of the questions. */
const CHANGE_UNITS_MS: readonly DurationMs[] = [HOUR_MS, HOUR_MS / 4, SECOND_MS];

/**
 * The first instant, to the second, with another offset than `from` has; `to` has another. Tries first whether
 * one of the `newest` changes comes again.
 */
function firstChange(
  offsetAt: (at: EpochMs) => DurationMs,
  { from, to }: { from: EpochMs; to: EpochMs },
  newest: readonly EpochMs[],
): EpochMs {
  const before = offsetAt(from);
  const isFirst = (at: EpochMs): boolean => offsetAt(at - SECOND_MS) === before;
  for (const change of newest) {
    for (const year of YEARS_MS) {
      const at = change + year;
      if (at > from && at <= to && offsetAt(at) !== before && isFirst(at)) return at;
    }
  }
  let low = from;
  let high = to;
  for (const unitMs of CHANGE_UNITS_MS) {
    while (high - low > unitMs) {
      const middle = low + Math.max(Math.floor((high - low) / 2 / unitMs), 1) * unitMs;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    if (isFirst(high)) return high;
  }
  return high;
}

/** The format is fixed: `11/21/2026, 04:05:06`. */
function offsetOf(format: Intl.DateTimeFormat, at: EpochMs): DurationMs {
  const text = format.format(at);
  const day = dayNumber(twoDigits(text, 6) * 100 + twoDigits(text, 8), twoDigits(text, 0), twoDigits(text, 3));
  const seconds = (twoDigits(text, 12) * 60 + twoDigits(text, 15)) * 60 + twoDigits(text, 18);
  return day * DAY_MS + seconds * SECOND_MS - at;
}

function twoDigits(text: string, start: number): number {
  return text.charCodeAt(start) * 10 + text.charCodeAt(start + 1) - 11 * 48;
}
