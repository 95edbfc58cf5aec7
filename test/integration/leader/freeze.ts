import { readdir, readFile } from 'node:fs/promises';
import type { ZooKeeperServer } from '../../../scripts/servers.mjs';
import { eventually } from '../../support/wait.js';

/** Stops a server process without its connections noticing, and waits until each of its threads stands still. */
export async function freeze(server: ZooKeeperServer): Promise<void> {
  server.signal('SIGSTOP');
  const tasks = `/proc/${server.pid}/task`;
  await eventually('a frozen server', async () => {
    const stats = await Promise.all((await readdir(tasks)).map((task) => readFile(`${tasks}/${task}/stat`, 'utf8')));
    // The state follows the name, which is in brackets.
    return stats.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'));
  });
}
