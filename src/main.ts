#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { helpText } from './cli/help.js';
import { reconcile } from './cli/reconcile.js';
import { start } from './cli/start.js';
import { CloudJobError } from './domain/errors.js';

const [command, ...args] = process.argv.slice(2);

switch (command) {
  case 'start':
    await runUntilSignal(args);
    break;
  case 'reconcile':
    await reconcile(args, process.env, (line) => console.log(line)).catch((error: unknown) =>
      fail('not reconciled', error),
    );
    break;
  case '--version':
  case 'version':
    console.log(version());
    break;
  case undefined:
  case 'help':
  case '--help':
    console.log(helpText());
    break;
  default:
    console.error(`unknown command '${command}'\n\n${helpText()}`);
    process.exitCode = 2;
}

/** The only place that handles signals: the first one drains, the second one ends the process at once. */
async function runUntilSignal(flags: readonly string[]): Promise<void> {
  let node: Awaited<ReturnType<typeof start>> | undefined;
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) process.exit(1);
    isStopping = true;
    if (node === undefined) process.exit(0);
    await node.stop().catch((error: unknown) => fail('stopping failed', error));
    process.exit(process.exitCode);
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
  try {
    node = await start(flags, process.env, (line) => console.log(line));
  } catch (error) {
    fail('CloudJob cannot start', error);
    process.exit(1);
  }
}

function fail(what: string, error: unknown): void {
  const text = error instanceof CloudJobError ? error.message : error instanceof Error ? error.stack : String(error);
  console.error(`${what}: ${text}`);
  process.exitCode = 1;
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
