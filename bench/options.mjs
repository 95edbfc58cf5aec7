// Command line of the benchmarks.
import { parseArgs } from 'node:util';

export const SHAPES = ['burst', 'burst-cron', 'steady', 'register', 'memory'];
export const SYSTEMS = ['cloudjob', 'bullmq'];

const HELP = `npm run bench [-- SHAPE… OPTIONS]

shapes: ${SHAPES.join(', ')} (default: all)
  --n N                  triggers of burst, burst-cron and register (default 10000)
  --memory-n N           triggers of memory (default 50000)
  --rate N               triggers per second of steady (default 1000)
  --seconds N            measured seconds of steady (default 15)
  --data BYTES           data of each trigger, as JSON, at least 40 (default 128)
  --rounds N             rounds of each shape (default 3)
  --concurrency N        attempts at once per worker (default 200)
  --jobs N               jobs that the triggers of CloudJob belong to (default 16)
  --bullmq-workers N     worker processes of BullMQ (default 1: the fastest of 1, 2 and 3 with one-shots)
  --persistence aof|none append-only file with fsync every second, or nothing (default aof)
  --only SYSTEM          cloudjob or bullmq alone`;

export function readOptions(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      n: { type: 'string', default: '10000' },
      'memory-n': { type: 'string', default: '50000' },
      rate: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '15' },
      data: { type: 'string', default: '128' },
      rounds: { type: 'string', default: '3' },
      concurrency: { type: 'string', default: '200' },
      jobs: { type: 'string', default: '16' },
      'bullmq-workers': { type: 'string', default: '1' },
      persistence: { type: 'string', default: 'aof' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((shape) => !SHAPES.includes(shape));
  const isWrong =
    !['aof', 'none'].includes(values.persistence) || (values.only !== undefined && !SYSTEMS.includes(values.only));
  if (values.help || unknown.length > 0 || isWrong) {
    process.stderr.write(`${unknown.length > 0 ? `unknown shape: ${unknown.join(', ')}\n\n` : ''}${HELP}\n`);
    process.exit(values.help ? 0 : 1);
  }
  const number = (name) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    process.stderr.write(`--${name} must be a whole number above 0\n`);
    return process.exit(1);
  };
  return {
    shapes: positionals.length === 0 ? SHAPES : positionals,
    systems: values.only === undefined ? SYSTEMS : [values.only],
    n: number('n'),
    memoryN: number('memory-n'),
    rate: number('rate'),
    seconds: number('seconds'),
    data: Math.max(number('data'), 40),
    rounds: number('rounds'),
    concurrency: number('concurrency'),
    jobs: number('jobs'),
    bullmqWorkers: number('bullmq-workers'),
    persistence: values.persistence,
  };
}
