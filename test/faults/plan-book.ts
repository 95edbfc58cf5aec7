import { isDeepStrictEqual } from 'node:util';
import type { BackfillPlan, FaultSpan, FiringSpan, Rhythm, TriggerPlan } from './history.js';

/** When a write was sent first and acknowledged; `ackedAt` null = never. */
export interface WriteSpan {
  readonly sentAt: number;
  readonly ackedAt: number | null;
}

interface Definition {
  readonly rhythm: Rhythm;
  readonly byCalendar: boolean;
  readonly begun: WriteSpan;
  ended: WriteSpan | null;
  isDeleted: boolean;
}

interface Page {
  readonly overlap: 'skip' | 'allow';
  readonly definitions: Definition[];
  readonly backfills: BackfillPlan[];
}

/** How far a process may be off with its idea of Redis' clock, while Redis answers slowly. */
export const CLOCK_ERROR_MS = 1500;

/** Keeps what was written about each trigger, and says at the end what had to fire when. */
export class PlanBook {
  readonly #pages = new Map<string, Page>();

  /**
   * A trigger may have several rhythms at a time. One that a calendar gives and takes away is heard of a little later
   * than it is acknowledged, and what a fault holds up meanwhile may be judged either way.
   */
  begin(
    key: string,
    { rhythm, overlap, byCalendar = false }: { rhythm: Rhythm; overlap: 'skip' | 'allow'; byCalendar?: boolean },
    begun: WriteSpan,
  ): void {
    const page = this.#pages.get(key) ?? { overlap, definitions: [], backfills: [] };
    this.#pages.set(key, page);
    page.definitions.push({ rhythm, byCalendar, begun, ended: null, isDeleted: false });
  }

  /** What is in force, or only this rhythm, is no longer, or not for now. */
  end(key: string, ended: WriteSpan, { only, isDeleted = false }: { only?: Rhythm; isDeleted?: boolean } = {}): void {
    for (const definition of this.#pages.get(key)?.definitions ?? []) {
      if (definition.ended !== null || (only ?? definition.rhythm) !== definition.rhythm) continue;
      Object.assign(definition, { ended, isDeleted });
    }
  }

  /** What is in force is no longer, but this. The same once more changes nothing. */
  replace(key: string, next: { rhythm: Rhythm; overlap: 'skip' | 'allow' }, span: WriteSpan): void {
    const last = this.#pages.get(key)?.definitions.at(-1);
    if (last?.ended === null && isDeepStrictEqual(last.rhythm, next.rhythm)) return;
    this.end(key, span);
    this.begin(key, next, span);
  }

  /** What `end` does, for all triggers of a job, `namespace/job`. */
  endJob(job: string, ended: WriteSpan): void {
    for (const key of this.#pages.keys()) if (key.startsWith(`${job}/`)) this.end(key, ended);
  }

  /** Of the definition in force. */
  backfill(key: string, asked: Omit<BackfillPlan, 'rhythm'>): void {
    const page = this.#pages.get(key);
    const rhythm = page?.definitions.at(-1)?.rhythm;
    if (rhythm !== undefined) page?.backfills.push({ ...asked, rhythm });
  }

  /**
   * What is due when a definition ends, but was held up until then by a fault, is recorded as missed by the write that
   * ends it. A deletion takes it along: only what was due before such a fault is required then.
   */
  plans(outages: Outages): readonly TriggerPlan[] {
    return [...this.#pages].map(([key, { overlap, definitions, backfills }]) => ({
      ...{ key, overlap, backfills },
      spans: definitions.map((definition) => spanOf(definition, outages)),
    }));
  }
}

type Outages = readonly Pick<FaultSpan, 'from' | 'healedAt'>[];

function spanOf({ rhythm, byCalendar, begun, ended, isDeleted }: Definition, outages: Outages): FiringSpan {
  const end = ended === null ? -Infinity : ended.sentAt - CLOCK_ERROR_MS;
  // What happens once does so however late it was stored.
  let settledAt = rhythm.kind === 'once' ? -Infinity : (begun.ackedAt ?? 0) + CLOCK_ERROR_MS;
  const may = { from: begun.sentAt, until: ended === null ? Infinity : (ended.ackedAt ?? Infinity) };
  if (byCalendar) {
    may.until = Math.max(may.until, ...around(may.until, outages).map(({ healedAt }) => healedAt)) + CLOCK_ERROR_MS;
    may.from = Math.min(may.from, ...around(may.from, outages).map(({ from }) => from));
    // Leaders plan anew when they have heard of it.
    settledAt = Math.max(settledAt, ...around(settledAt, outages).map(({ healedAt }) => healedAt + CLOCK_ERROR_MS));
  }
  return {
    rhythm,
    may: { ...may, from: may.from - CLOCK_ERROR_MS },
    must: {
      from: begun.ackedAt === null ? Infinity : settledAt,
      until:
        isDeleted || byCalendar ? Math.min(end, ...around(end, outages).map(({ from }) => from - CLOCK_ERROR_MS)) : end,
    },
  };
}

function around(at: number, outages: Outages): Outages {
  return outages.filter(({ from, healedAt }) => at >= from - CLOCK_ERROR_MS && at <= healedAt);
}
