// Storing many cron triggers with a time zone, from one client process; nothing is due.
export const register = {
  title: (options) => `register: ${options.n} cron triggers with a zone, one client`,
  measures: ['triggers/s'],
  async run(system, options) {
    await system.open();
    const startedAt = performance.now();
    await system.addCron(options.n, dailyCron, 'America/New_York');
    const seconds = (performance.now() - startedAt) / 1000;
    await checkStored(system, options.n);
    return [options.n / seconds];
  },
};

/** Every day at one of the 86,400 seconds, as reminders of many users are. */
export function dailyCron(i) {
  return `${i % 60} ${Math.floor(i / 60) % 60} ${Math.floor(i / 3600) % 24} * * *`;
}

export async function checkStored(system, count) {
  const stored = await system.countTriggers();
  if (stored !== count) throw new Error(`${stored} of ${count} triggers are stored`);
}
