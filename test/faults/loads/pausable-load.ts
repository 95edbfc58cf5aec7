import { setTimeout as passed } from 'node:timers/promises';
import type { Random } from '../random.js';
import { defineEvery, evenly } from './every-triggers.js';
import type { LoadPart } from './load-part.js';
import type { JobWrite, LoadWriter } from './load-writer.js';

const TRIGGERS = 8;

/** A job that is paused and resumed all the time. */
export class PausableLoad implements LoadPart {
  static readonly firesPerSecond = TRIGGERS;
  readonly jobs: readonly string[];
  readonly #writer: LoadWriter;
  readonly #random: Random;
  readonly #job: JobWrite;

  constructor(writer: LoadWriter, random: Random, job: JobWrite) {
    this.#writer = writer;
    this.#random = random;
    this.#job = job;
    this.jobs = [job.name];
  }

  async define(): Promise<void> {
    await defineEvery(this.#writer, this.#job, evenly(1000, TRIGGERS));
  }

  async keepChanging(rest: AbortSignal): Promise<void> {
    const { name } = this.#job;
    while (!rest.aborted) {
      await passed(this.#random.between(300, 1500));
      const paused = await this.#writer.pauseJob(name);
      this.#writer.book.endJob(this.#writer.jobKey(name), paused);
      this.#writer.note(`job ${name}`, 'paused', paused);
      await passed(this.#random.between(300, 1500));
      const resumed = await this.#writer.resumeJob(name);
      for (const [i, rhythm] of evenly(1000, TRIGGERS).entries()) {
        this.#writer.book.begin(this.#writer.key(name, `t${i}`), { rhythm, overlap: 'allow' }, resumed);
      }
      this.#writer.note(`job ${name}`, 'active', resumed);
    }
  }
}
