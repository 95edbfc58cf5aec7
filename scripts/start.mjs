// npm start: the whole of CloudJob in one process with the sample calendar, after installing and building
// what is missing. npm start -- --calendar my.ics --contacts my.vcf: with your own files.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuild, ensureDependencies, requireNode, root } from './prepare.mjs';

requireNode();
ensureDependencies();
ensureBuild();

const given = process.argv.slice(2);
const own = given.includes('--calendar') || given.includes('--contacts') || given.includes('--redis');
const samples = own
  ? []
  : ['--calendar', join(root, 'examples/data/calendar.ics'), '--contacts', join(root, 'examples/data/contacts.vcf')];
const child = spawn(process.execPath, [join(root, 'dist/main.js'), 'start', ...samples, ...given], {
  stdio: 'inherit',
  // The page tells what happens; the log only what is wrong, unless asked for.
  env: { CLOUDJOB_LOG_LEVEL: 'warn', ...process.env },
});
// The child gets Ctrl-C from the terminal itself; other signals are passed on.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 0)));
