import { setTimeout as passed } from 'node:timers/promises';
import type { Random } from '../random.js';
import { defineEvery, evenly } from './every-triggers.js';
import type { LoadPart } from './load-part.js';
import type { JobWrite, LoadWriter } from './load-writer.js';

/** A job whose triggers stay as they are. */
export class PlainLoad implements LoadPart {
  readonly jobs: readonly string[];
  readonly #writer: LoadWriter;
  readonly #job: JobWrite;
  readonly #triggers: { readonly everyMs: number; readonly triggers: number };

  constructor(writer: LoadWriter, job: JobWrite, triggers: { readonly everyMs: number; readonly triggers: number }) {
    this.#writer = writer;
    this.#job = job;
    this.#triggers = triggers;
    this.jobs = [job.name];
  }

  async define(): Promise<void> {
    await defineEvery(this.#writer, this.#job, evenly(this.#triggers.everyMs, this.#triggers.triggers));
  }
}

/** Asks for executions of jobs of other parts by hand. */
export class RunNowLoad implements LoadPart {
  readonly jobs: readonly string[] = [];
  readonly #writer: LoadWriter;
  readonly #random: Random;
  readonly #of: readonly string[];

  constructor(writer: LoadWriter, random: Random, of: readonly string[]) {
    this.#writer = writer;
    this.#random = random;
    this.#of = of;
  }

  define(): Promise<void> {
    return Promise.resolve();
  }

  async keepChanging(rest: AbortSignal): Promise<void> {
    const writer = this.#writer;
    for (let i = 0; !rest.aborted; i += 1) {
      await passed(this.#random.between(50, 250));
      const path = `${writer.jobPath(this.#random.pick(this.#of))}/executions`;
      const sentAt = Date.now();
      const answer = await writer.ask({ method: 'POST', path, body: {}, key: `${writer.namespace}-${i}` });
      if (answer.outcome !== 'done') continue;
      const { id } = answer.body as { id: string };
      writer.note(`run ${id}`, 'recorded', { sentAt, ackedAt: Date.now() });
    }
  }
}
