// npm run test:simulation: see docs/testing.md. Bundled with the product by scripts/simulation.mjs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replayOf, runCampaign, shrink, type CampaignResult } from './campaign.js';
import { findPlanted, PLANTED_BUGS } from './planted-bugs.js';
import type { ScenarioResult } from './scenario.js';

const PROGRESS_EVERY_MS = 10_000;
const SHOWN_LINES = 40;

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    each: { type: 'string', default: '4' },
    without: { type: 'string', default: '' },
    planted: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    folder: { type: 'string', default: join(process.cwd(), '.tmp', 'simulation') },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = Number(values.seed);
say(`seed ${seed}`);
process.exit(values.planted ? await findAllPlanted() : await simulate());

async function simulate(): Promise<number> {
  const startedAt = performance.now();
  let shownAt = startedAt;
  const total = await runCampaign({
    seed,
    hours: Number(values.hours),
    hoursEach: Number(values.each),
    without: values.without === '' ? [] : values.without.split(','),
    onRun: (result, sofar) => {
      if (result.failure !== null) say(`seed ${result.seed}: ${result.failure.message}`);
      if (performance.now() - shownAt < PROGRESS_EVERY_MS) return;
      shownAt = performance.now();
      say(progressOf(sofar, shownAt - startedAt));
    },
  });
  say(progressOf(total, performance.now() - startedAt));
  say(JSON.stringify(total.counts));
  say([...total.faults].map(([name, count]) => `${name} ${count}`).join(', '));
  for (const result of total.failed) await explain(result);
  say(`${total.runs - total.failed.length} passed, ${total.failed.length} failed`);
  return total.failed.length === 0 ? 0 : 1;
}

function progressOf({ hours, runs, counts, failed }: CampaignResult, ms: number): string {
  const rate = (hours / (ms / 1000)).toFixed(2);
  const { fires, fenced, terms, events } = counts;
  const done = `${hours} h in ${runs} runs, ${(ms / 1000).toFixed(0)} s, ${rate} h/s, ${Math.round(events / (ms / 1000))} events/s`;
  return `${done}; ${fires} fires, ${terms} terms, ${fenced} fenced, ${failed.length} failed`;
}

/** The fewest kinds of faults that do it, the end of its log, and how to have it again. */
async function explain(result: ScenarioResult): Promise<void> {
  const { seed: failedSeed, hours, without, failure } = result;
  if (failure === null) return;
  const smallest = await shrink({ seed: failedSeed, hours, without }, failure);
  mkdirSync(values.folder, { recursive: true });
  const file = join(values.folder, `seed-${failedSeed}.log`);
  writeFileSync(file, [...smallest.log, failure.stack ?? failure.message].join('\n'));
  say(`\nseed ${failedSeed}: ${smallest.failure?.message ?? failure.message}`);
  for (const line of smallest.log.slice(-SHOWN_LINES)) say(`  ${line.slice(0, 240)}`);
  say(`whole log: ${file}\nreplay: ${replayOf(smallest)}`);
}

async function findAllPlanted(): Promise<number> {
  let missed = 0;
  const bugs = PLANTED_BUGS.filter(({ name }) => name.includes(values.only));
  for (const bug of bugs) {
    const found = await findPlanted(bug, { seed, hours: Number(values.hours), folder: values.folder });
    if (found.failure === null) missed += 1;
    const how = found.failure === null ? 'NOT FOUND' : `found by seed ${found.seed}: ${found.failure.message}`;
    say(`${bug.name}: ${how.slice(0, 160)} (${found.hours.toFixed(1)} h)`);
  }
  say(`${bugs.length - missed} passed, ${missed} failed`);
  return missed === 0 ? 0 : 1;
}
