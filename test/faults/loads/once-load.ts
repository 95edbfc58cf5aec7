import { setTimeout as passed } from 'node:timers/promises';
import type { Random } from '../random.js';
import type { LoadPart } from './load-part.js';
import type { LoadWriter } from './load-writer.js';

const JOB = 'once';

/** One trigger after the other for an instant shortly ahead. It fires once even if it could only be stored after that instant. */
export class OnceLoad implements LoadPart {
  static readonly firesPerSecond = 3;
  readonly jobs = [JOB];
  readonly #writer: LoadWriter;
  readonly #random: Random;

  constructor(writer: LoadWriter, random: Random) {
    this.#writer = writer;
    this.#random = random;
  }

  async define(): Promise<void> {
    await this.#writer.putJob({ name: JOB });
  }

  async keepChanging(rest: AbortSignal): Promise<void> {
    for (let i = 0; !rest.aborted; i += 1) {
      const at = Date.now() + this.#random.between(1000, 3000);
      const name = `t${i}`;
      const schedule = { type: 'at', at: new Date(at).toISOString() };
      const span = await this.#writer.putTrigger(JOB, { name, schedule });
      const rhythm = { kind: 'once' as const, at };
      this.#writer.book.begin(this.#writer.key(JOB, name), { rhythm, overlap: 'allow' }, span);
      await passed(this.#random.between(200, 400));
    }
  }
}
