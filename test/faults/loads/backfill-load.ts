import { setTimeout as passed } from 'node:timers/promises';
import type { Random } from '../random.js';
import { defineEvery, evenly } from './every-triggers.js';
import type { LoadPart } from './load-part.js';
import type { LoadWriter } from './load-writer.js';

const JOB = 'past';
const TRIGGERS = 3;
const MINUTE_MS = 60_000;
const ENDS_WITHIN_MS = 60_000;

/** Asks for past times of triggers that go on firing, one backfill after the other, each under a name of its own. */
export class BackfillLoad implements LoadPart {
  static readonly firesPerSecond = TRIGGERS;
  readonly jobs = [JOB];
  readonly #writer: LoadWriter;
  readonly #random: Random;

  constructor(writer: LoadWriter, random: Random) {
    this.#writer = writer;
    this.#random = random;
  }

  async define(): Promise<void> {
    await defineEvery(this.#writer, { name: JOB }, evenly(1000, TRIGGERS));
  }

  async keepChanging(rest: AbortSignal): Promise<void> {
    const started: Promise<void>[] = [];
    for (let i = 0; !rest.aborted; i += 1) {
      started.push(this.#ended(await this.#start(`b${i}`)));
      await passed(this.#random.between(500, 1500));
    }
    // A pause would hold them up.
    await Promise.all(started);
  }

  async #start(id: string): Promise<string> {
    const random = this.#random;
    const trigger = `t${random.between(0, TRIGGERS - 1)}`;
    const from = Date.now() - random.between(MINUTE_MS, 60 * MINUTE_MS);
    const to = from + random.between(20_000, 40_000);
    const overlap = random.pick(['allow', 'allow', 'bufferAll'] as const);
    const body = { id, trigger, from: new Date(from).toISOString(), to: new Date(to).toISOString(), overlap };
    const span = await this.#writer.repeat({ method: 'POST', path: `${this.#writer.jobPath(JOB)}/backfill`, body });
    this.#writer.book.backfill(this.#writer.key(JOB, trigger), { id, from, to, overlap, ...span });
    this.#writer.note(`backfill ${JOB}/${id}`, 'done', span);
    return id;
  }

  async #ended(id: string): Promise<void> {
    const giveUpAt = performance.now() + ENDS_WITHIN_MS;
    const path = `${this.#writer.jobPath(JOB)}/backfills/${id}`;
    while (performance.now() < giveUpAt) {
      const { body } = await this.#writer.ask({ method: 'GET', path });
      if ((body as { state?: string } | null)?.state !== 'running') return;
      await passed(300);
    }
  }
}
