// npm run bench: measures CloudJob and BullMQ at the same work, in interleaved rounds, each on a fresh Redis of
// its own, and prints one table. See docs/benchmarks.md.
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { cpus, totalmem } from 'node:os';
import { findProgram, startRedis } from '../scripts/servers.mjs';
import { readOptions } from './options.mjs';
import { burst, burstCron } from './shapes/burst.mjs';
import { memory } from './shapes/memory.mjs';
import { register } from './shapes/register.mjs';
import { steady } from './shapes/steady.mjs';
import { tableOf } from './table.mjs';

const SHAPES = { burst, 'burst-cron': burstCron, steady, register, memory };
const SYSTEMS = {
  cloudjob: async () => (await import('./systems/cloudjob.mjs')).CloudJob,
  bullmq: async () => (await import('./systems/bullmq.mjs')).BullMq,
};

const options = readOptions(process.argv.slice(2));
const shapes = options.shapes.map((name) => ({ name, ...SHAPES[name], title: SHAPES[name].title(options) }));
const systems = await Promise.all(options.systems.map((name) => SYSTEMS[name]()));
const results = new Map();

console.log(`${machine()}\nnpm run bench -- ${process.argv.slice(2).join(' ')}\n`);
for (const shape of shapes) {
  for (let round = 1; round <= options.rounds; round++) {
    // The order changes with every round, so that neither is always the one on a warm machine.
    for (const System of round % 2 === 1 ? systems : systems.toReversed()) {
      const row = await runOnce(shape, System);
      const key = `${shape.name}/${System.title}`;
      results.set(key, [...(results.get(key) ?? []), row]);
      const shown = shape.measures.map((measure, i) => `${measure} ${row[i].toFixed(1)}`).join(', ');
      process.stderr.write(`${shape.name} round ${round} ${System.title}: ${shown}\n`);
    }
  }
}
console.log(tableOf(shapes, systems, results));

async function runOnce(shape, System) {
  const redis = await startRedis({ appendOnly: options.persistence === 'aof' });
  const system = new System(options, redis);
  try {
    return await shape.run(system, options, () => usedMemory(redis.port));
  } finally {
    await system.close();
    await redis.stop();
  }
}

/** `used_memory` of Redis, asked on a connection of its own that is closed again. */
function usedMemory(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('INFO memory\r\n'));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      answer += chunk;
      const match = /used_memory:(\d+)\r\n/.exec(answer);
      if (match === null) return;
      socket.destroy();
      resolve(Number(match[1]));
    });
    socket.on('error', reject);
  });
}

function machine() {
  const [cpu] = cpus();
  const redis = execFileSync(findProgram('redis-server'), ['--version'], { encoding: 'utf8' }).match(/v=(\S+)/)?.[1];
  const memoryGb = (totalmem() / 2 ** 30).toFixed(0);
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${memoryGb} GiB, Node ${process.versions.node}, Redis ${redis}, ${process.platform}`;
}
