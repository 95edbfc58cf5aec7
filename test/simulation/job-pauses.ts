import type { TriggerKey } from '../../src/domain/trigger.js';

interface Span {
  readonly from: number;
  until: number;
}

/** When each job was paused, by the store's clock. */
export class JobPauses {
  readonly #spans = new Map<string, Span[]>();

  paused(job: string, at: number): void {
    const spans = this.#spans.get(job) ?? [];
    this.#spans.set(job, spans);
    if (spans.at(-1)?.until !== Infinity) spans.push({ from: at, until: Infinity });
  }

  resumed(job: string, at: number): void {
    const last = this.#spans.get(job)?.at(-1);
    if (last?.until === Infinity) last.until = at;
  }

  /** A job of the same name begins anew. */
  deleted(job: string): void {
    this.#spans.delete(job);
  }

  /** Pauses that lasted at `time` or began after it. */
  since(trigger: TriggerKey, time: number): readonly { readonly from: number }[] {
    return (this.#spans.get(jobOf(trigger)) ?? []).filter(({ until }) => time <= until);
  }

  isPaused(trigger: TriggerKey): boolean {
    return this.#spans.get(jobOf(trigger))?.at(-1)?.until === Infinity;
  }

  /** End of the last pause. */
  resumedAt(trigger: TriggerKey): number {
    const until = this.#spans.get(jobOf(trigger))?.at(-1)?.until;
    return until === undefined || until === Infinity ? -Infinity : until;
  }
}

function jobOf(trigger: TriggerKey): string {
  return trigger.slice(0, trigger.lastIndexOf('/'));
}
