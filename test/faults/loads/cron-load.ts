import type { LoadPart } from './load-part.js';
import type { LoadWriter } from './load-writer.js';

const JOB = 'cron';
/**
 * Expressions of seconds alone, and what they come to in every zone whose clock differs from UTC by whole minutes:
 * an interval that divides a minute.
 */
const TRIGGERS = [
  { expression: '* * * * * *', timeZone: 'UTC', everyMs: 1000, phaseMs: 0 },
  { expression: '* * * * * *', timeZone: 'Australia/Lord_Howe', everyMs: 1000, phaseMs: 0 },
  { expression: '*/2 * * * * *', timeZone: 'Europe/Berlin', everyMs: 2000, phaseMs: 0 },
  { expression: '1-59/3 * * * * *', timeZone: 'America/New_York', everyMs: 3000, phaseMs: 1000 },
  { expression: '0/5 * * ? * *', timeZone: 'Asia/Kathmandu', everyMs: 5000, phaseMs: 0 },
  { expression: '13,28,43,58 * * ? * *', timeZone: 'America/St_Johns', everyMs: 15_000, phaseMs: 13_000 },
];

/** Cron triggers in several zones and both dialects. */
export class CronLoad implements LoadPart {
  static readonly firesPerSecond = 3;
  readonly jobs = [JOB];
  readonly #writer: LoadWriter;

  constructor(writer: LoadWriter) {
    this.#writer = writer;
  }

  async define(): Promise<void> {
    await this.#writer.putJob({ name: JOB });
    const span = await this.#writer.putTriggers(
      JOB,
      TRIGGERS.map(({ expression, timeZone }, i) => ({
        name: `t${i}`,
        schedule: { type: 'cron', expression },
        timeZone,
      })),
    );
    for (const [i, { everyMs, phaseMs }] of TRIGGERS.entries()) {
      const rhythm = { kind: 'every' as const, everyMs, phaseMs };
      this.#writer.book.begin(this.#writer.key(JOB, `t${i}`), { rhythm, overlap: 'allow' }, span);
    }
  }
}
