import type { LoadPart } from './load-part.js';
import type { LoadWriter, WorkData } from './load-writer.js';

const JOB = 'after';
const WORK: readonly WorkData[] = [
  {},
  {},
  { takesMs: 100 },
  { takesMs: 400 },
  { failsUntil: 1 },
  { failsUntil: 2 },
  { takesMs: 2500 },
  { takesMs: 100, failsUntil: 1 },
];

/** Triggers that fire a while after the end of what they fired last, however long that takes and often it fails. */
export class AfterLoad implements LoadPart {
  static readonly firesPerSecond = 8;
  readonly jobs = [JOB];
  readonly #writer: LoadWriter;

  constructor(writer: LoadWriter) {
    this.#writer = writer;
  }

  async define(): Promise<void> {
    await this.#writer.putJob({ name: JOB });
    const delays = WORK.map((_, i) => 200 + i * 100);
    const span = await this.#writer.putTriggers(
      JOB,
      WORK.map((data, i) => ({ name: `t${i}`, schedule: { type: 'after', delayMs: delays[i] ?? 0 }, data })),
    );
    for (const [i, delayMs] of delays.entries()) {
      const rhythm = { kind: 'after' as const, delayMs };
      this.#writer.book.begin(this.#writer.key(JOB, `t${i}`), { rhythm, overlap: 'skip' }, span);
    }
  }
}
