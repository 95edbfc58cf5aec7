// npm run bench -- next-fire: the median time to find one next fire, by expression and zone, beside cron-parser
// and croner; then the first answer for a new text, the memory of many texts, and the slowest of hostile texts.
// CLOUDJOB_DIST names another build than ../dist.
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';

const { CLOUDJOB_DIST } = process.env;
const dist = CLOUDJOB_DIST === undefined ? new URL('../dist/', import.meta.url) : pathToFileURL(`${CLOUDJOB_DIST}/`);
const { compileSchedule } = await import(new URL('domain/time/schedule.js', dist).href);
// From the root: this folder has an older cron-parser, which BullMQ brings along.
const require = createRequire(new URL('../package.json', import.meta.url));
const { CronExpressionParser } = require('cron-parser');
const { Cron } = require('croner');

const ZONES = ['UTC', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe'];
const EXPRESSIONS = ['*/15 * * * *', '30 2 * * *', '0 9 * * MON-FRI', '0 0 L * *', '0 0 29 2 *', '*/10 * * * * *'];
const SAMPLES = 200;
/** Instants asked about: spread over five years, the same for all. */
const INSTANTS = Array.from({ length: 500 }, (_, i) => Date.UTC(2026, 0, 1) + ((i * 7_919_999_983) % 157_680_000_000));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const micros = (from) => Number(process.hrtime.bigint() - from) / 1000;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const shown = (value) => (value === null ? 'throws' : value.toFixed(value < 10 ? 2 : 0));

/** Median of the time of one call, each sample a run over `batch` instants; null when a call throws. */
function measure(ask, batch) {
  const times = [];
  try {
    for (let sample = 0; sample < SAMPLES; sample++) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < batch; i++) ask(INSTANTS[(sample * batch + i) % INSTANTS.length]);
      times.push(micros(start) / batch);
    }
  } catch {
    return null;
  }
  return median(times);
}

function row(expression, timeZone) {
  const ours = compileSchedule({ type: 'cron', expression }, { timeZone });
  const parsed = CronExpressionParser.parse(expression, { tz: timeZone });
  const croner = new Cron(expression, { timezone: timeZone });
  const theirs = (at) => {
    parsed.reset(new Date(at));
    return parsed.next();
  };
  measure((at) => ours.next(at), 100);
  const times = [
    measure((at) => ours.next(at), 100),
    measure(theirs, 1),
    measure((at) => croner.nextRun(new Date(at)), 1),
  ];
  return `| \`${expression}\` | ${timeZone} | ${times.map(shown).join(' | ')} |`;
}

console.log(
  `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ICU ${process.versions.icu}, zones ${process.versions.tz}\n`,
);
console.log('One next fire of a schedule that is ready, median, µs:\n');
console.log('| expression | zone | CloudJob | cron-parser | croner |\n|---|---|--:|--:|--:|');
for (const expression of EXPRESSIONS) for (const zone of ZONES) console.log(row(expression, zone));

const leapDay = compileSchedule({ type: 'cron', expression: '0 0 29 2 *' }, { timeZone: 'America/New_York' });
const lastYear = compileSchedule(
  { type: 'cron', expression: '0 0 12 1 1 ? 2099', dialect: 'quartz' },
  { timeZone: 'America/New_York' },
);
console.log('\nFar ahead, median, µs:\n');
console.log(
  `- 29 February asked in 2097, answered 2104: ${shown(measure((at) => leapDay.next((at % 86_400_000) + Date.UTC(2097, 5, 1)), 100))}`,
);
console.log(`- the year 2099 asked in 2026 to 2030: ${shown(measure((at) => lastYear.next(at), 100))}`);

const text = (i) =>
  `${i % 60} ${Math.floor(i / 60) % 60} ${Math.floor(i / 3600) % 24} ${1 + (Math.floor(i / 86_400) % 28)} * *`;

collectGarbage();
const before = process.memoryUsage().heapUsed;
for (let i = 0; i < 100_000; i++) compileSchedule({ type: 'cron', expression: text(i) }, { timeZone: 'Asia/Tokyo' });
collectGarbage();
const grown = (process.memoryUsage().heapUsed - before) / 1e6;
console.log(`\n100,000 different texts compiled: the heap grew by ${grown.toFixed(1)} MB`);

const first = [];
for (let i = 0; i < 20_000; i++) {
  const start = process.hrtime.bigint();
  compileSchedule({ type: 'cron', expression: text(i) }, { timeZone: 'Europe/Berlin' }).next(INSTANTS[i % 500]);
  first.push(micros(start));
}
console.log(`\nFirst answer for a new text, median, µs: ${shown(median(first))}`);

const HOSTILE = [
  '* * * * * *'.padEnd(256),
  `${'0-59/1,'.repeat(34)}1 * * * *`,
  `* * ${'1W,'.repeat(80)}1W 2 *`,
  `* * * * ${'MON#5,'.repeat(40)}SUN#5`,
  '0 0 30 2 *',
  '0 0 0 30 2 ? 1970-2199',
  '0 0 0 ? 2 1#5 2199',
  '/'.repeat(256),
  ','.repeat(256),
  'H(0-1)'.repeat(42),
  `0 0 ${'L-30W,'.repeat(38)}1 2 *`,
  '('.repeat(256),
];
let slowest = 0;
for (const expression of HOSTILE) {
  for (const dialect of ['unix', 'quartz', undefined]) {
    const start = process.hrtime.bigint();
    try {
      compileSchedule(
        { type: 'cron', expression: expression.slice(0, 256), dialect },
        { timeZone: 'Africa/Cairo' },
      ).next(0);
    } catch {
      // A refusal is an answer.
    }
    const ms = micros(start) / 1000;
    if (ms > slowest) slowest = ms;
  }
}
console.log(`\nSlowest answer to a hostile text of 256 characters: ${slowest.toFixed(2)} ms`);
