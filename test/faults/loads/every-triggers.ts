import type { Rhythm } from '../history.js';
import type { JobWrite, LoadWriter } from './load-writer.js';

export type Every = Extract<Rhythm, { kind: 'every' }>;

/** Triggers of one job with the same interval, spread evenly over it. */
export function evenly(everyMs: number, triggers: number): readonly Every[] {
  return Array.from({ length: triggers }, (_, i) => ({
    kind: 'every',
    everyMs,
    phaseMs: Math.floor((i * everyMs) / triggers),
  }));
}

export function everySchedule({ everyMs, phaseMs }: Every): object {
  return { type: 'every', everyMs, anchor: new Date(phaseMs).toISOString() };
}

/** Stores a job and its triggers `t0`, `t1`, …, and notes what has to fire. */
export async function defineEvery(writer: LoadWriter, job: JobWrite, rhythms: readonly Every[]): Promise<void> {
  await writer.putJob(job);
  const span = await writer.putTriggers(
    job.name,
    rhythms.map((rhythm, i) => ({ name: `t${i}`, schedule: everySchedule(rhythm) })),
  );
  for (const [i, rhythm] of rhythms.entries()) {
    writer.book.begin(writer.key(job.name, `t${i}`), { rhythm, overlap: job.overlap ?? 'allow' }, span);
  }
}
