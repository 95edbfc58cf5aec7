import { SETTINGS } from '../config.js';

/** What `cloudjob help` prints; every setting is in it. */
export function helpText(): string {
  const rows = Object.values(SETTINGS).map((setting): [string, string] => [
    'flag' in setting ? `--${setting.flag}, ${setting.env}` : setting.env,
    setting.default === '' ? setting.help : `${setting.help} [${setting.default}]`,
  ]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    'cloudjob start [flags]   run a node; without --redis everything runs in this process and in memory',
    'cloudjob reconcile [--redis URL] [--cluster NAME] [--apply]',
    '                         compare queues and indexes with the records; repair what differs only with --apply',
    'cloudjob help            this text',
    'cloudjob version',
    '',
    'Settings (flag, environment variable):',
    ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
  ].join('\n');
}
