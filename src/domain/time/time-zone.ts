import { ValidationError } from '../errors.js';
import { DAY_MS, SECOND_MS, type LocalMs } from './civil.js';
import type { DurationMs, EpochMs } from './instant.js';

/**
 * The offsets of one IANA zone as a table, so that the search for a fire time never asks `Intl`.
 *
 * Time is cut into chunks of about 13 months. A chunk is worked out when it is first asked for, by sampling
 * `Intl` and bisecting where two samples differ, and kept; no chunk depends on another, so the year 2199
 * costs as much as this one. A chunk looks `MARGIN_MS` beyond both of its ends, so that a stretch that begins
 * or ends near the border is known with its true neighbours.
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

const CHUNK_MS = 400 * DAY_MS;
const MARGIN_MS = 4 * DAY_MS;
/** A span is cut this far outside of its chunk; no gap or overlap (24 h at most) reaches over the rest of the margin. */
const CUT_MS = DAY_MS;
/** Shorter than the shortest stretch between two changes of any zone since 1900 (Freetown 1939: 3.99 days). */
const SAMPLE_MS = 3 * DAY_MS;
/** Outside of these years the offset of the nearest chunk holds. */
const FIRST_CHUNK = Math.floor(Date.UTC(1900, 0, 1) / CHUNK_MS);
const LAST_CHUNK = Math.floor(Date.UTC(2200, 0, 2) / CHUNK_MS);

export class TimeZone {
  private readonly chunks: (readonly OffsetSpan[] | undefined)[] = new Array<undefined>(LAST_CHUNK - FIRST_CHUNK + 1);

  /** `name` must be known to `Intl`; use `timeZoneOf`. */
  constructor(readonly name: string) {}

  /** The span that contains `at`. It may be cut where nothing changes; then both offsets are equal there. */
  spanAt(at: EpochMs): OffsetSpan {
    const number = Math.min(Math.max(Math.floor(at / CHUNK_MS), FIRST_CHUNK), LAST_CHUNK);
    const index = number - FIRST_CHUNK;
    const spans = this.chunks[index] ?? (this.chunks[index] = readChunk(this.name, number));
    for (const span of spans) {
      if (at < span.end) return span;
    }
    return spans[spans.length - 1] as OffsetSpan;
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

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
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
}

function readChunk(name: string, number: number): readonly OffsetSpan[] {
  const format = formatOf(name);
  const offsetAt = (at: EpochMs): DurationMs => offsetOf(format, at);
  const from = number * CHUNK_MS - MARGIN_MS;
  const to = (number + 1) * CHUNK_MS + MARGIN_MS;

  const edges: { at: EpochMs; offsetMs: DurationMs }[] = [{ at: from, offsetMs: offsetAt(from) }];
  let offset = offsetAt(from);
  for (let at = from; at < to; at += SAMPLE_MS) {
    const end = Math.min(at + SAMPLE_MS, to);
    const endOffset = offsetAt(end);
    for (let low = at; offset !== endOffset;) {
      low = firstChange(offsetAt, low, end);
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

/** The first instant, to the second, with another offset than `from` has; `to` has another. */
function firstChange(offsetAt: (at: EpochMs) => DurationMs, from: EpochMs, to: EpochMs): EpochMs {
  const before = offsetAt(from);
  let low = from;
  let high = to;
  while (high - low > SECOND_MS) {
    const middle = low + Math.floor((high - low) / 2 / SECOND_MS) * SECOND_MS;
    if (offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** The format is fixed: `11/21/2026, 04:05:06`. */
function offsetOf(format: Intl.DateTimeFormat, at: EpochMs): DurationMs {
  const text = format.format(at);
  const part = (start: number, length: number): number => Number(text.slice(start, start + length));
  const local = Date.UTC(part(6, 4), part(0, 2) - 1, part(3, 2), part(12, 2), part(15, 2), part(18, 2));
  return local - at;
}
