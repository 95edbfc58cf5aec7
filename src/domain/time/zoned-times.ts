import { DAY_MS, END_LOCAL, FIRST_LOCAL, type LocalMs } from './civil.js';
import type { EpochMs } from './instant.js';
import type { OffsetSpan, TimeZone } from './time-zone.js';

/**
 * Turns a rule about wall-clock times into instants, through gaps and overlaps of the zone.
 *
 * The zone is walked span by span (`OffsetSpan`). Inside a span an instant is a fire when its wall-clock time
 * matches; where the beginning or the end of the span repeats wall-clock times of a neighbour, `dstOverlap`
 * cuts the span. Matching times that a gap swallowed belong to the span after the gap: `next` fires at its
 * first instant, `shift` as long after it as the time lay in the gap, `skip` never. A local day that a zone
 * left out altogether (Apia, 30 December 2011) has no fires under any rule.
 * Spans without a match are not walked: the search goes on two days before the next matching wall-clock time.
 */

/** What to do with a wall-clock time that does not exist on some day. */
export type DstGap = 'next' | 'skip' | 'shift';
/** Which pass of a repeated wall-clock time fires. */
export type DstOverlap = 'first' | 'second' | 'both';

export interface DstRule {
  readonly gap: DstGap;
  readonly overlap: DstOverlap;
}

/** Vixie cron's rule for a time of day: exactly once on every matching local day. */
export const FIXED_TIME_RULE: DstRule = { gap: 'next', overlap: 'first' };
/** Vixie cron's rule for `*` and steps: they follow elapsed time through both changes. */
export const ELAPSED_TIME_RULE: DstRule = { gap: 'skip', overlap: 'both' };

/** A set of wall-clock times. Pure. */
export interface LocalTimes {
  /** The first time at or after `from`, or null. */
  firstFrom(from: LocalMs): LocalMs | null;
  /** The last time at or before `until`, or null. */
  lastUntil(until: LocalMs): LocalMs | null;
}

const TWO_DAYS_MS = 2 * DAY_MS;
const FIRST_INSTANT = FIRST_LOCAL - DAY_MS;
const LAST_INSTANT = END_LOCAL + DAY_MS;

export class ZonedTimes {
  constructor(
    private readonly times: LocalTimes,
    private readonly zone: TimeZone,
    readonly rule: DstRule,
  ) {}

  /** First fire strictly after `after`, or null. */
  next(after: EpochMs): EpochMs | null {
    let from = Math.max(after + 1, FIRST_INSTANT);
    while (from <= LAST_INSTANT) {
      const span = this.zone.spanAt(from);
      const match = this.firstFrom(Math.max(from + span.offsetMs, this.allowedFrom(span)));
      const plain = match !== null && match < this.allowedUntil(span) ? match - span.offsetMs : null;
      const swallowed = isGapAt(span) ? this.firstOfGap(span, from) : null;
      if (swallowed !== null && (plain === null || swallowed < plain)) return swallowed;
      if (plain !== null) return plain;
      if (span.offsetAfterMs < span.offsetMs) from = span.end;
      else if (match === null) return null;
      else from = Math.max(span.end, match - TWO_DAYS_MS);
    }
    return null;
  }

  /** Last fire strictly before `before`, or null. */
  previous(before: EpochMs): EpochMs | null {
    let until = Math.min(before - 1, LAST_INSTANT);
    while (until >= FIRST_INSTANT) {
      const span = this.zone.spanAt(until);
      const match = this.lastUntil(Math.min(until + span.offsetMs, this.allowedUntil(span) - 1));
      const plain = match !== null && match >= this.allowedFrom(span) ? match - span.offsetMs : null;
      const swallowed = isGapAt(span) ? this.lastOfGap(span, until) : null;
      if (swallowed !== null && (plain === null || swallowed > plain)) return swallowed;
      if (plain !== null) return plain;
      if (span.offsetBeforeMs !== span.offsetMs) until = span.start - 1;
      else if (match === null) return null;
      else until = Math.min(span.start - 1, match + TWO_DAYS_MS);
    }
    return null;
  }

  /** First wall-clock time of the span that may fire there. */
  private allowedFrom(span: OffsetSpan): LocalMs {
    const isRepeated = span.offsetBeforeMs > span.offsetMs && this.rule.overlap === 'first';
    return span.start + (isRepeated ? span.offsetBeforeMs : span.offsetMs);
  }

  /** One past the last wall-clock time of the span that may fire there. */
  private allowedUntil(span: OffsetSpan): LocalMs {
    const isRepeated = span.offsetAfterMs < span.offsetMs && this.rule.overlap === 'second';
    return span.end + (isRepeated ? span.offsetAfterMs : span.offsetMs);
  }

  /** First fire at or after `from` that stands for a time swallowed by the gap at the start of the span. */
  private firstOfGap(span: OffsetSpan, from: EpochMs): EpochMs | null {
    const gapStart = span.start + span.offsetBeforeMs;
    const gapEnd = span.start + span.offsetMs;
    if (this.rule.gap === 'skip' || from + span.offsetBeforeMs >= gapEnd) return null;
    if (this.rule.gap === 'next' && from > span.start) return null;
    let match = this.firstFrom(Math.max(gapStart, from + span.offsetBeforeMs));
    while (match !== null && match < gapEnd && isLostDay(match, gapStart, gapEnd)) {
      match = this.firstFrom((Math.floor(match / DAY_MS) + 1) * DAY_MS);
    }
    if (match === null || match >= gapEnd) return null;
    return this.rule.gap === 'next' ? span.start : match - span.offsetBeforeMs;
  }

  /** Last fire at or before `until` that stands for a time swallowed by the gap at the start of the span. */
  private lastOfGap(span: OffsetSpan, until: EpochMs): EpochMs | null {
    const gapStart = span.start + span.offsetBeforeMs;
    const gapEnd = span.start + span.offsetMs;
    if (this.rule.gap === 'skip') return null;
    const newest = this.rule.gap === 'next' ? gapEnd - 1 : Math.min(gapEnd - 1, until + span.offsetBeforeMs);
    let match = this.lastUntil(newest);
    while (match !== null && match >= gapStart && isLostDay(match, gapStart, gapEnd)) {
      match = this.lastUntil(Math.floor(match / DAY_MS) * DAY_MS - 1);
    }
    if (match === null || match < gapStart) return null;
    return this.rule.gap === 'next' ? span.start : match - span.offsetBeforeMs;
  }

  private firstFrom(from: LocalMs): LocalMs | null {
    const match = this.times.firstFrom(Math.max(from, FIRST_LOCAL));
    return match !== null && match < END_LOCAL ? match : null;
  }

  private lastUntil(until: LocalMs): LocalMs | null {
    const match = this.times.lastUntil(Math.min(until, END_LOCAL - 1));
    return match !== null && match >= FIRST_LOCAL ? match : null;
  }
}

function isGapAt(span: OffsetSpan): boolean {
  return span.offsetBeforeMs < span.offsetMs;
}

/** Does the whole local day of `local` lie in the gap? */
function isLostDay(local: LocalMs, gapStart: LocalMs, gapEnd: LocalMs): boolean {
  const midnight = Math.floor(local / DAY_MS) * DAY_MS;
  return midnight >= gapStart && midnight + DAY_MS <= gapEnd;
}
