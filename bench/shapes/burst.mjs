// N triggers due in the same second: fire → handler → acknowledged, with all records kept.
import { setTimeout as sleep } from 'node:timers/promises';
import { quantiles } from '../statistics.mjs';

const GIVE_UP_MS = 120_000;

/** One-shots: the lightest work for both, and BullMQ's bulk call. */
export const burst = {
  title: (options) => `burst: ${options.n} one-shots due at the same instant`,
  measures: ['fires/s', 'lateness p50, ms', 'lateness p99, ms'],
  run: (system, options) =>
    measure(system, options, {
      aheadMs: (options.n / system.constructor.slowestRegistration.once) * 1000,
      register: (at) => system.addOnce(options.n, at),
    }),
};

/** Cron triggers: both also compute and store the next time of each. */
export const burstCron = {
  title: (options) => `burst-cron: ${options.n} cron triggers due in the same second, next times stored`,
  measures: burst.measures,
  run: (system, options) =>
    measure(system, options, {
      aheadMs: (options.n / system.constructor.slowestRegistration.cron) * 1000,
      register: (at) => system.addCron(options.n, () => yearlyCron(at)),
    }),
};

/** Second, minute, hour, day, month of the instant in UTC: the next one is a year away. */
function yearlyCron(at) {
  const date = new Date(at);
  const fields = [date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours(), date.getUTCDate()];
  return `${fields.join(' ')} ${date.getUTCMonth() + 1} *`;
}

async function measure(system, options, { aheadMs, register }) {
  await system.open();
  await system.startWorkers();
  const at = Math.ceil((Date.now() + aheadMs + 3000) / 1000) * 1000;
  await register(at);
  if (Date.now() > at - 1000) throw new Error('registering took longer than estimated: nothing was measured');
  await sleep(at - Date.now());
  await untilAcknowledged(system, options.n);
  const report = await system.workers.report();
  const succeeded = await system.countSucceeded();
  if (report.distinct !== options.n || report.started !== options.n || succeeded !== options.n) {
    throw new Error(
      `of ${options.n} fires ${report.started} started, ${report.distinct} distinct, ${succeeded} recorded`,
    );
  }
  const { p50, p99 } = quantiles(report.lateness);
  return [options.n / ((report.lastAcknowledgedAt - at) / 1000), p50, p99];
}

async function untilAcknowledged(system, count) {
  const deadline = Date.now() + GIVE_UP_MS;
  while ((await system.workers.acknowledged()) < count) {
    if (Date.now() > deadline) throw new Error(`not all acknowledged after ${GIVE_UP_MS} ms`);
    await sleep(100);
  }
}
