import { civilDate, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, weekdayOf, type LocalMs } from './time/civil.js';
import { readCron } from './time/cron.js';
import { WEEKDAY_NAMES } from './time/cron-entries.js';
import type { CronFields, TimeField } from './time/cron-fields.js';
import type { DurationMs, EpochMs } from './time/instant.js';
import { CronTimes } from './time/next-cron.js';
import type { TimeZone } from './time/time-zone.js';

/** A set of instants made of stretches: the times that a calendar names. */
export interface Selection {
  selects(at: EpochMs): boolean;
  /** An instant after `at` up to which nothing changes. */
  nextEdge(at: EpochMs): EpochMs;
  /** The last instant before the stretch of `at`: nothing changes between it and `at`. */
  previousEdge(at: EpochMs): EpochMs;
}

/** Where a set of wall-clock times may change. Leaping from one to the next has to be quick: years may be searched. */
interface LocalEdges {
  /** A time after `local` up to which nothing changes. */
  after(local: LocalMs): LocalMs;
  /** A time at or before `local` since which nothing has changed. */
  upTo(local: LocalMs): LocalMs;
}

/** A set of wall-clock times. */
class LocalSelection implements Selection {
  constructor(
    private readonly zone: TimeZone,
    private readonly edges: LocalEdges,
    private readonly selectsLocal: (local: LocalMs) => boolean,
  ) {}

  selects(at: EpochMs): boolean {
    return this.selectsLocal(at + this.zone.offsetAt(at));
  }

  nextEdge(at: EpochMs): EpochMs {
    const span = this.zone.spanAt(at);
    return Math.min(this.edges.after(at + span.offsetMs) - span.offsetMs, span.end);
  }

  previousEdge(at: EpochMs): EpochMs {
    const span = this.zone.spanAt(at);
    return Math.max(this.edges.upTo(at + span.offsetMs) - span.offsetMs, span.start) - 1;
  }
}

/** Changes at multiples of a unit of the local day. */
function unitEdges(unitMs: DurationMs): LocalEdges {
  return {
    after: (local) => (Math.floor(local / unitMs) + 1) * unitMs,
    upTo: (local) => Math.floor(local / unitMs) * unitMs,
  };
}

/** Changes at the same times of every local day, ascending. */
function dailyEdges(times: readonly [DurationMs, DurationMs]): LocalEdges {
  const [first, last] = times;
  return {
    after: (local) => {
      const day = Math.floor(local / DAY_MS) * DAY_MS;
      return day + (times.find((time) => day + time > local) ?? DAY_MS + first);
    },
    upTo: (local) => {
      const day = Math.floor(local / DAY_MS) * DAY_MS;
      return day + (times.findLast((time) => day + time <= local) ?? last - DAY_MS);
    },
  };
}

type DateRule =
  | { readonly type: 'dates'; readonly dates: readonly string[] }
  | { readonly type: 'annual'; readonly days: readonly string[] }
  | { readonly type: 'weekly'; readonly days: readonly string[] }
  | { readonly type: 'monthly'; readonly days: readonly number[] };

/** Whole local days. */
export function dateDays(rule: DateRule, zone: TimeZone): Selection {
  const selects = dayTest(rule);
  return new LocalSelection(zone, unitEdges(DAY_MS), (local) => selects(Math.floor(local / DAY_MS)));
}

function dayTest(rule: DateRule): (day: number) => boolean {
  switch (rule.type) {
    case 'dates': {
      const days = new Set(rule.dates.map((text) => Date.parse(`${text}T00:00:00Z`) / DAY_MS));
      return (day) => days.has(day);
    }
    case 'annual': {
      const days = new Set(rule.days.map((text) => Number(text.slice(0, 2)) * 32 + Number(text.slice(3))));
      return (day) => {
        const date = civilDate(day);
        return days.has(date.month * 32 + date.day);
      };
    }
    case 'weekly': {
      const days = new Set(rule.days.map((name) => WEEKDAY_NAMES.findIndex((known) => known === name)));
      return (day) => days.has(weekdayOf(day));
    }
    case 'monthly': {
      const days = new Set(rule.days);
      return (day) => days.has(civilDate(day).day);
    }
  }
}

/** From a time of day until just before another, every local day. */
export function dayHours({ from, to }: { readonly from: string; readonly to: string }, zone: TimeZone): Selection {
  const start = msOfDay(from);
  const end = msOfDay(to);
  const edges = dailyEdges([Math.min(start, end % DAY_MS), Math.max(start, end % DAY_MS)]);
  return new LocalSelection(zone, edges, (local) => {
    const time = local - Math.floor(local / DAY_MS) * DAY_MS;
    return start < end ? time >= start && time < end : time >= start || time < end;
  });
}

function msOfDay(text: string): DurationMs {
  const [hour = 0, minute = 0, second = 0] = text.split(':').map(Number);
  return hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
}

/** Every second that a cron expression matches. */
export function cronDays(
  { expression, dialect }: { readonly expression: string; readonly dialect?: 'unix' | 'quartz' | undefined },
  zone: TimeZone,
): Selection {
  const { fields } = readCron(expression, dialect, '');
  const times = new CronTimes(fields);
  const secondOf = (local: LocalMs): LocalMs => Math.floor(local / SECOND_MS) * SECOND_MS;
  const selects = (local: LocalMs): boolean => times.firstFrom(secondOf(local)) === secondOf(local);
  const units = unitEdges(unitOf(fields));
  const edges: LocalEdges = {
    after: (local) => (selects(local) ? units.after(local) : (times.firstFrom(secondOf(local)) ?? Infinity)),
    upTo: (local) => (selects(local) ? units.upTo(local) : (times.lastUntil(local) ?? -Infinity) + SECOND_MS),
  };
  return new LocalSelection(zone, edges, selects);
}

/** The largest unit within which the expression says the same for every second. */
function unitOf({ seconds, minutes, hours }: CronFields): DurationMs {
  if (!isFull(seconds)) return SECOND_MS;
  if (!isFull(minutes)) return MINUTE_MS;
  return hours.bits.low === 0xffffff ? DAY_MS : HOUR_MS;
}

function isFull({ bits }: TimeField): boolean {
  return bits.low === 0x3fffffff && bits.high === 0x3fffffff;
}

/** One event of a calendar file, once or repeated: when it starts, each time for `lengthMs`. */
export interface CalendarEvent {
  readonly lengthMs: DurationMs;
  next(after: EpochMs): EpochMs | null;
  previous(before: EpochMs): EpochMs | null;
}

/** The time that events take, start inclusive, end exclusive. */
export class EventsSelection implements Selection {
  constructor(private readonly events: readonly CalendarEvent[]) {}

  selects(at: EpochMs): boolean {
    return this.events.some((event) => {
      const start = event.previous(at + 1);
      return start !== null && at < start + event.lengthMs;
    });
  }

  nextEdge(at: EpochMs): EpochMs {
    let edge = Infinity;
    for (const event of this.events) {
      const start = event.previous(at + 1);
      if (start !== null && start + event.lengthMs > at) edge = Math.min(edge, start + event.lengthMs);
      edge = Math.min(edge, event.next(at) ?? Infinity);
    }
    return edge;
  }

  previousEdge(at: EpochMs): EpochMs {
    let edge = -Infinity;
    for (const event of this.events) {
      const start = event.previous(at + 1);
      if (start === null) continue;
      const end = start + event.lengthMs;
      edge = Math.max(edge, end > at ? start - 1 : end - 1);
    }
    return edge;
  }
}
