import type { EpochMs } from '../domain/time/instant.js';
import type { CatchUpPace } from './catch-up-pace.js';
import type { PlannedFire } from './planned-fire.js';

/**
 * Decisions with late fires, which wait until the pace lets them go, oldest first. When meanwhile the next time of
 * their trigger comes, that one is on time: the decision leaves the queue to be made anew.
 */
export class CatchUpQueue {
  readonly #pace: CatchUpPace;
  /** Ascending by `sendAt`. */
  #waiting: PlannedFire[] = [];
  /** When the first of their triggers has a time that is not late. */
  #firstOnTimeAt: EpochMs = Infinity;

  constructor(pace: CatchUpPace) {
    this.#pace = pace;
  }

  get size(): number {
    return this.#waiting.length;
  }

  entries(): readonly PlannedFire[] {
    return this.#waiting;
  }

  /** When one of them may be taken; null when none waits. */
  nextAt(): EpochMs | null {
    const [first] = this.#waiting;
    return first === undefined ? null : Math.min(Math.max(first.sendAt, this.#pace.freeAt), this.#firstOnTimeAt);
  }

  add(planned: PlannedFire): void {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#waiting[middle] as PlannedFire).sendAt <= planned.sendAt) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, planned);
    this.#firstOnTimeAt = Math.min(this.#firstOnTimeAt, onTimeAt(planned));
  }

  /** Puts these in the place of what was there. */
  replace(planned: readonly PlannedFire[]): void {
    this.#waiting = [...planned].sort((a, b) => a.sendAt - b.sendAt);
    this.#firstOnTimeAt = Math.min(...this.#waiting.map(onTimeAt), Infinity);
  }

  /** The first one, if the pace lets it go. */
  take(now: EpochMs): PlannedFire | null {
    return now >= this.#pace.freeAt ? (this.#waiting.shift() ?? null) : null;
  }

  /** Those whose trigger has a time by now that is not late. */
  takeOnTime(now: EpochMs): readonly PlannedFire[] {
    if (now < this.#firstOnTimeAt) return [];
    const isOnTime = (planned: PlannedFire): boolean => onTimeAt(planned) <= now;
    const taken = this.#waiting.filter(isOnTime);
    this.replace(this.#waiting.filter((planned) => !isOnTime(planned)));
    return taken;
  }
}

/** The next time after those decided; Infinity where late ones follow still. */
function onTimeAt({ decision: { nextDueAt }, plannedFor }: PlannedFire): EpochMs {
  return typeof nextDueAt === 'number' && nextDueAt > plannedFor ? nextDueAt : Infinity;
}
