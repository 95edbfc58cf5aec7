import { setTimeout as passed } from 'node:timers/promises';
import type { Random } from '../random.js';
import { defineEvery, evenly, everySchedule } from './every-triggers.js';
import type { LoadPart } from './load-part.js';
import type { JobWrite, LoadWriter } from './load-writer.js';

const TRIGGERS = 16;

type EditedState = 'active' | 'paused' | 'gone';

/** A job whose triggers are moved, paused, deleted and stored again all the time, one write at a time for each. */
export class EditedLoad implements LoadPart {
  static readonly firesPerSecond = TRIGGERS;
  readonly jobs: readonly string[];
  readonly #writer: LoadWriter;
  readonly #random: Random;
  readonly #job: JobWrite;
  readonly #editors: number;

  constructor(writer: LoadWriter, random: Random, { job, editors }: { job: JobWrite; editors: number }) {
    this.#writer = writer;
    this.#random = random;
    this.#job = job;
    this.#editors = editors;
    this.jobs = [job.name];
  }

  async define(): Promise<void> {
    await defineEvery(this.#writer, this.#job, evenly(1000, TRIGGERS));
  }

  async keepChanging(rest: AbortSignal): Promise<void> {
    const names = Array.from({ length: TRIGGERS }, (_, i) => `t${i}`);
    await Promise.all(
      Array.from({ length: this.#editors }, (_, i) =>
        this.#edit(
          names.filter((_, k) => k % this.#editors === i),
          rest,
        ),
      ),
    );
  }

  async #edit(names: readonly string[], rest: AbortSignal): Promise<void> {
    const states = new Map<string, EditedState>(names.map((name) => [name, 'active']));
    while (!rest.aborted) {
      const name = this.#random.pick(names);
      states.set(name, await this.#change(name, states.get(name) ?? 'gone'));
      await passed(this.#random.between(50, 300));
    }
  }

  async #change(name: string, state: EditedState): Promise<EditedState> {
    const what = state === 'active' ? this.#random.pick(['move', 'pause', 'delete'] as const) : 'move';
    if (what === 'move') {
      await this.#move(name);
      return 'active';
    }
    const { book } = this.#writer;
    const path = `${this.#writer.jobPath(this.#job.name)}/triggers/${name}`;
    const span = await this.#writer.repeat(
      what === 'pause' ? { method: 'POST', path: `${path}/pause`, body: {} } : { method: 'DELETE', path },
    );
    book.end(this.#writer.key(this.#job.name, name), span, { isDeleted: what === 'delete' });
    this.#writer.note(this.#entity(name), what === 'pause' ? 'paused' : null, span);
    return what === 'pause' ? 'paused' : 'gone';
  }

  async #move(name: string): Promise<void> {
    const { book } = this.#writer;
    const rhythm = { kind: 'every' as const, everyMs: 1000, phaseMs: this.#random.between(0, 999) };
    const span = await this.#writer.putTrigger(this.#job.name, { name, schedule: everySchedule(rhythm) });
    book.replace(this.#writer.key(this.#job.name, name), { rhythm, overlap: 'allow' }, span);
    this.#writer.note(this.#entity(name), `active ${rhythm.phaseMs}`, span);
  }

  #entity(name: string): string {
    return `trigger ${this.#job.name}/${name}`;
  }
}
