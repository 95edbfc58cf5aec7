// A worker as a user would write one. It notes every attempt in a file of its own, outside Redis.
// Arguments: folder of the built library, Redis URL, cluster, file.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as passed } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [, , build, redis, cluster, file] = process.argv;
const { Worker } = await import(pathToFileURL(`${build}/index.js`).href);
const notes = openSync(file, 'a');

const logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [
    level,
    (message, facts = {}) => {
      if (level === 'warn' || level === 'error')
        console.log(JSON.stringify({ level, message, ...facts, error: String(facts.error ?? '') }));
    },
  ]),
);
logger.child = () => logger;

const worker = new Worker({ redis, cluster, concurrency: 200, leaseMs: 3000, drainMs: 3000, logger });

/** Not the wall clock, which faults set. */
const trueNow = () => Math.round(performance.timeOrigin + performance.now());

function note(event, context) {
  const { executionId: id, idempotencyKey: key, attempt } = context;
  writeSync(notes, `${JSON.stringify({ worker: worker.name, id, key, attempt, event, at: trueNow() })}\n`);
}

/** `data`: how long it takes, and on which attempts it throws. */
worker.handle('noted', async (context) => {
  const { takesMs = 0, failsUntil = 0 } = context.data ?? {};
  note('start', context);
  if (takesMs > 0) await passed(takesMs, undefined, { signal: context.signal }).catch(() => undefined);
  if (context.signal.aborted || context.attempt <= failsUntil) {
    note('abort', context);
    throw new Error(context.signal.aborted ? 'aborted' : 'failed as asked');
  }
  note('end', context);
});

process.on('SIGTERM', () => void worker.stop().then(() => process.exit(0)));
await worker.start();
console.log('worker is ready');
