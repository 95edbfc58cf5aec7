// npm run test:faults: see docs/testing.md. Compiled together with the product by scripts/faults.mjs.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALL_FAULTS } from './all-faults.js';
import { DEFAULT_BOUNDS } from './checker.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { runSuite } from './suite.js';

/** A run of so many minutes goes on until every fault came so often. */
const ENOUGH_MINUTES = 30;
const ENOUGH_TIMES = 5;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    fires: { type: 'string', default: '500' },
    'slack-ms': { type: 'string', default: String(DEFAULT_BOUNDS.latenessMs) },
    folder: { type: 'string', default: join(process.cwd(), '.tmp', 'faults') },
  },
});
function numberOf(name: 'minutes' | 'rounds' | 'seed' | 'fires' | 'slack-ms'): number {
  const number = Number(values[name]);
  if (values[name].trim() !== '' && number >= 0 && Number.isFinite(number)) return number;
  console.error(`--${name}: "${values[name]}" is not a number of 0 or more`);
  process.exit(2);
}
const seed = numberOf('seed');
const minutes = numberOf('minutes');
const say = (line: string): void => console.log(line);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    say('stopping after this round …');
    stop.abort();
  });
}
say(`seed ${seed}`);
const whyNoHosts = await NetworkNamespace.whyNot();
const faults = ALL_FAULTS.filter((fault) => whyNoHosts === null || fault.needsHosts !== true);
if (whyNoHosts !== null) say(`whole hosts are cut by proxies only: ${whyNoHosts}`);
const leastTimes = values.only === '' && minutes >= ENOUGH_MINUTES ? ENOUGH_TIMES : 0;
const build = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src');
const { tally, failed } = await runSuite({
  build,
  folder: join(values.folder, `seed-${seed}`),
  seed,
  faults,
  withHosts: whyNoHosts === null,
  only: values.only === '' ? [] : values.only.split(','),
  forMs: minutes * 60_000,
  leastTimes,
  maxRounds: numberOf('rounds'),
  fires: numberOf('fires'),
  bounds: { ...DEFAULT_BOUNDS, latenessMs: numberOf('slack-ms') },
  signal: stop.signal,
  say,
});
say(`\n${tally.table()}\n`);
for (const { replay } of failed) say(`failed; replay: npm run test:faults -- ${replay} --fires ${values.fires}`);
say(`\n${tally.rounds} rounds, ${tally.fires} fires; seed ${seed}`);
say(`${Math.max(0, tally.rounds - failed.length)} passed, ${failed.length} failed`);
const least = tally.leastOf(faults.map((fault) => fault.name));
if (values.only === '') say(`every fault came at least ${least.times} times (${least.name})`);
process.exit(failed.length === 0 && least.times >= leastTimes ? 0 : 1);
