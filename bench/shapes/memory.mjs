// What Redis needs for a stored cron trigger with its data, everything included.
import { checkStored, dailyCron } from './register.mjs';

const FIRST = 100;

export const memory = {
  title: (options) => `memory: ${options.memoryN} stored cron triggers with a zone and ${options.data} bytes of data`,
  measures: ['bytes/trigger'],
  async run(system, options, usedMemory) {
    await system.open();
    // The first ones bring scripts and the like with them, which do not grow with the triggers.
    await system.addCron(FIRST, dailyCron, 'America/New_York');
    const before = await usedMemory();
    await system.addCron(options.memoryN + FIRST, dailyCron, 'America/New_York');
    await checkStored(system, options.memoryN + FIRST);
    return [((await usedMemory()) - before) / options.memoryN];
  },
};
