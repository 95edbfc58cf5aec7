import type { BackfillPlan, FaultSpan, FiringSpan, Rhythm, TriggerPlan } from './history.js';

/** When a write was sent first and acknowledged; `ackedAt` null = never. */
export interface WriteSpan {
  readonly sentAt: number;
  readonly ackedAt: number | null;
}

interface Definition {
  readonly rhythm: Rhythm;
  readonly begun: WriteSpan;
  ended: WriteSpan | null;
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

  begin(key: string, { rhythm, overlap }: { rhythm: Rhythm; overlap: 'skip' | 'allow' }, begun: WriteSpan): void {
    const page = this.#pages.get(key) ?? { overlap, definitions: [], backfills: [] };
    this.#pages.set(key, page);
    page.definitions.push({ rhythm, begun, ended: null });
  }

  /** The definition in force is no longer, or not for now. */
  end(key: string, ended: WriteSpan): void {
    const last = this.#pages.get(key)?.definitions.at(-1);
    if (last !== undefined && last.ended === null) last.ended = ended;
  }

  /** The same for all triggers of a job, `namespace/job`. */
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
   * What is due when a definition ends, but was held up until then by a fault, is settled by the write that ends it:
   * only what was due before such a fault is required.
   */
  plans(outages: readonly Pick<FaultSpan, 'from' | 'healedAt'>[]): readonly TriggerPlan[] {
    return [...this.#pages].map(([key, { overlap, definitions, backfills }]) => ({
      ...{ key, overlap, backfills },
      spans: definitions.map((definition) => spanOf(definition, outages)),
    }));
  }
}

function spanOf(
  { rhythm, begun, ended }: Definition,
  outages: readonly Pick<FaultSpan, 'from' | 'healedAt'>[],
): FiringSpan {
  const end = ended === null ? -Infinity : ended.sentAt - CLOCK_ERROR_MS;
  const holding = outages.filter(({ from, healedAt }) => end >= from - CLOCK_ERROR_MS && end <= healedAt);
  // What happens once does so however late it was stored.
  const settledAt = rhythm.kind === 'once' ? -Infinity : (begun.ackedAt ?? 0) + CLOCK_ERROR_MS;
  return {
    rhythm,
    may: {
      from: begun.sentAt - CLOCK_ERROR_MS,
      until: ended === null ? Infinity : (ended.ackedAt ?? Infinity),
    },
    must: {
      from: begun.ackedAt === null ? Infinity : settledAt,
      until: Math.min(end, ...holding.map(({ from }) => from - CLOCK_ERROR_MS)),
    },
  };
}
