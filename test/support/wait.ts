import type { Probe } from '../../src/runtime/probe.js';

/** Records probe signals and lets a test wait for the next one of a kind. */
export class RecordingProbe implements Probe {
  readonly moments: { moment: string; facts: Readonly<Record<string, unknown>> }[] = [];
  readonly #waiting = new Set<() => void>();

  signal(moment: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.moments.push({ moment, facts });
    for (const check of [...this.#waiting]) check();
  }

  count(moment: string): number {
    return this.moments.filter((entry) => entry.moment === moment).length;
  }

  /** Resolves once `count` signals of this kind have come since the probe was made. */
  async reached(moment: string, count = 1, timeoutMs = 10_000): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (this.count(moment) < count) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`probe ${moment}: ${this.count(moment)} of ${count} signals after ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }
}

/**
 * Waits for something outside this process that cannot signal (a server, a child process): asks every
 * `everyMs` until `question` gives something other than undefined or false.
 */
export async function eventually<T>(
  what: string,
  question: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 10_000, everyMs = 25 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await question();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      lastError = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`${what}: not seen within ${timeoutMs} ms`, { cause: lastError });
}
