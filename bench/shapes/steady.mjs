// A steady stream: one trigger for every fire of a second, each every second, evenly spread over it.
import { setTimeout as sleep } from 'node:timers/promises';
import { quantiles } from '../statistics.mjs';

const WARM_UP_MS = 5000;

export const steady = {
  title: (options) => `steady: ${options.rate} triggers/s for ${options.seconds} s`,
  measures: ['fires/s', 'lateness p50, ms', 'lateness p99, ms', 'lateness max, ms'],
  async run(system, options) {
    await system.open();
    await system.addEvery(options.rate, 1000);
    await system.startWorkers();
    await sleep(WARM_UP_MS);
    await system.workers.reset();
    const startedAt = performance.now();
    await sleep(options.seconds * 1000);
    const report = await system.workers.report();
    const seconds = (performance.now() - startedAt) / 1000;
    if (report.distinct !== report.started) throw new Error(`${report.started - report.distinct} fires ran twice`);
    const { p50, p99, max } = quantiles(report.lateness);
    return [report.acknowledged / seconds, p50, p99, max];
  },
};
