import type { FaultSpan, TriggerPlan } from './history.js';

/** When a write was sent first and acknowledged; `ackedAt` null = never. */
export interface WriteSpan {
  readonly sentAt: number;
  readonly ackedAt: number | null;
}

interface Definition {
  readonly everyMs: number;
  readonly phaseMs: number;
  readonly begun: WriteSpan;
  ended: WriteSpan | null;
}

interface Page {
  readonly overlap: 'skip' | 'allow';
  readonly definitions: Definition[];
}

/** How far a process may be off with its idea of Redis' clock, while Redis answers slowly. */
export const CLOCK_ERROR_MS = 1500;

/** Keeps what was written about each trigger, and says at the end what had to fire when. */
export class PlanBook {
  readonly #pages = new Map<string, Page>();

  begin(
    key: string,
    definition: { everyMs: number; phaseMs: number; overlap: 'skip' | 'allow' },
    begun: WriteSpan,
  ): void {
    const { everyMs, phaseMs, overlap } = definition;
    const page = this.#pages.get(key) ?? { overlap, definitions: [] };
    this.#pages.set(key, page);
    page.definitions.push({ everyMs, phaseMs, begun, ended: null });
  }

  /** The definition in force is no longer, or not for now. */
  end(key: string, ended: WriteSpan): void {
    const last = this.#pages.get(key)?.definitions.at(-1);
    if (last !== undefined && last.ended === null) last.ended = ended;
  }

  keys(): readonly string[] {
    return [...this.#pages.keys()];
  }

  /**
   * What is due when a definition ends, but was held up until then by a fault, is settled by the write that ends it:
   * only what was due before such a fault is required.
   */
  plans(outages: readonly Pick<FaultSpan, 'from' | 'healedAt'>[]): readonly TriggerPlan[] {
    return [...this.#pages].map(([key, { overlap, definitions }]) => ({
      key,
      overlap,
      spans: definitions.map(({ everyMs, phaseMs, begun, ended }) => {
        const may = {
          from: begun.sentAt - CLOCK_ERROR_MS,
          until: ended === null ? Infinity : (ended.ackedAt ?? Infinity),
        };
        const end = ended === null ? -Infinity : ended.sentAt - CLOCK_ERROR_MS;
        const holding = outages.filter(({ from, healedAt }) => end >= from - CLOCK_ERROR_MS && end <= healedAt);
        const must = {
          from: begun.ackedAt === null ? Infinity : begun.ackedAt + CLOCK_ERROR_MS,
          until: Math.min(end, ...holding.map(({ from }) => from - CLOCK_ERROR_MS)),
        };
        return { everyMs, phaseMs, may, must };
      }),
    }));
  }
}
