import type { Job, JobKey } from '../domain/job.js';
import type { Clock } from '../runtime/clock.js';
import type { JobStore } from '../store/job-store.js';

/** How long a definition is used before it is read again: a change takes effect within it. */
const FRESH_MS = 1000;
const MAX_ENTRIES = 10_000;

interface Entry {
  readonly job: Promise<Job | null>;
  readonly readAt: number;
}

/** Job definitions by key. Attempts that ask at the same time share one read; a failed read is not kept. */
export class JobCache {
  readonly #deps: { readonly jobs: Pick<JobStore, 'getJob'>; readonly clock: Clock };
  readonly #entries = new Map<JobKey, Entry>();

  constructor(deps: { jobs: Pick<JobStore, 'getJob'>; clock: Clock }) {
    this.#deps = deps;
  }

  /** Null when the job does not exist. */
  get(key: JobKey): Promise<Job | null> {
    const now = this.#deps.clock.monotonicNow();
    const known = this.#entries.get(key);
    if (known !== undefined && now - known.readAt < FRESH_MS) return known.job;
    const entry = { job: this.#deps.jobs.getJob(key), readAt: now };
    // Deleted first, so that the order of the map is the order of reading and the oldest is dropped below.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.job.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#dropOldest();
    return entry.job;
  }

  #dropOldest(): void {
    if (this.#entries.size <= MAX_ENTRIES) return;
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key);
      return;
    }
  }
}
