import { randomBytes } from 'node:crypto';
import { composeNode } from '../composition.js';
import { readConfig } from '../config.js';
import { createPinoLogger } from '../runtime/pino-logger.js';
import { Metrics } from '../runtime/metrics.js';
import { silentProbe } from '../runtime/probe.js';
import { systemClock } from '../runtime/system-clock.js';
import { importFiles, remindSoon } from './import-files.js';

export interface RunningNode {
  readonly url: string;
  stop(): Promise<void>;
}

/** `cloudjob start`: resolves when the node is usable, having said so in one line. */
export async function start(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  print: (line: string) => void,
): Promise<RunningNode> {
  const config = readConfig(args, env);
  const apiKey = config.apiKey ?? randomBytes(24).toString('base64url');
  const logger = createPinoLogger(config.logLevel, { cluster: config.cluster });
  const metrics = new Metrics();
  metrics.collectProcessMetrics();
  const node = composeNode({ ...config, apiKey }, { clock: systemClock, logger, metrics, probe: silentProbe });
  await node.services.start();
  if (config.redis === null) {
    const reminders = node.remindersOf('default');
    for (const line of await importFiles(config, reminders)) print(line);
    await remindSoon(config, reminders, systemClock.now());
    print(`CloudJob is ready: open ${node.http.url}/#key=${apiKey}`);
  } else {
    print(`CloudJob is ready at ${node.http.url} (${config.roles.join(', ')})`);
  }
  return { url: node.http.url, stop: () => node.services.stop() };
}
