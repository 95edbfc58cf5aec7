// What every command does first: a Node that is new enough, the dependencies of the lock file, the Debian
// packages for real servers, a build that is not older than the sources. No dependencies of its own.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPackages } from './servers.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Ends the process with a sentence that says what to do. */
export function giveUp(text) {
  say(`\n${text}`);
  process.exit(1);
}

/** Runs a command to its end with its output shown; returns the exit code. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error !== undefined) giveUp(`${command} could not be run: ${error.message}`);
  return status ?? 1;
}

export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    giveUp(`Node ${process.versions.node} is too old: CloudJob needs Node 20.19 or newer.`);
  }
}

/** Installs exactly what the lock file names, if that has not been done for this lock file. */
export function ensureDependencies(folder = root) {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const modules = join(folder, 'node_modules');
  const stamp = join(modules, '.cloudjob-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  // npm ci empties the folder first: through a link that would be somebody else's.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    giveUp(`${modules} is a link and does not match the lock file; install where it points to.`);
  }
  say('Installing dependencies (npm ci) …');
  if (run('npm', ['ci', '--ignore-scripts', '--loglevel=error', '--no-fund', '--no-audit'], { cwd: folder }) !== 0) {
    giveUp('npm ci failed; its message is above.');
  }
  writeFileSync(stamp, lock);
}

/** Gets Debian packages that are absent, where that is possible without asking; otherwise says what to run. */
export function ensurePackages(needs) {
  const missing = missingPackages(needs);
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  const asRoot = process.getuid?.() === 0;
  const sudo = !asRoot && spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : [];
  const hasApt = spawnSync('apt-get', ['--version']).status === 0;
  if (!hasApt || (!asRoot && sudo.length === 0))
    giveUp(`These programs are needed: ${missing.join(', ')}. Run: sudo ${command}`);
  say(`Installing Debian packages: ${missing.join(', ')} …`);
  const apt = (...args) => {
    const [program, ...rest] = [...sudo, 'apt-get', ...args];
    return spawnSync(program, rest, { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  };
  apt('update');
  const { status, stdout, stderr } = apt('install', '-y', '--no-install-recommends', ...missing);
  if (status !== 0) giveUp(`${stdout ?? ''}${stderr ?? ''}\nThe packages could not be installed. Run: sudo ${command}`);
}

/** Compiles `src` to `dist` if anything in `src` is newer than the last build. */
export function ensureBuild() {
  const stamp = join(root, 'dist', '.built');
  const sources = ['src', 'tsconfig.json', 'package-lock.json'].flatMap((name) => filesIn(join(root, name)));
  if (existsSync(stamp)) {
    const builtAt = statSync(stamp).mtimeMs;
    const known = new Set(readFileSync(stamp, 'utf8').split('\n'));
    if (
      sources.every((file) => known.has(relative(root, file)) && statSync(file).mtimeMs <= builtAt) &&
      known.size === sources.length
    )
      return;
  }
  build(sources);
}

export function build(sources = filesIn(join(root, 'src'))) {
  say('Building …');
  const out = join(root, 'dist');
  rmSync(out, { recursive: true, force: true });
  if (run(process.execPath, [join(root, 'node_modules/typescript7/bin/tsc'), '-p', 'tsconfig.json']) !== 0)
    giveUp('The build failed.');
  for (const file of filesIn(join(root, 'src')).filter((name) => name.endsWith('.lua'))) {
    const target = join(out, relative(join(root, 'src'), file));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
  writeFileSync(join(out, '.built'), sources.map((file) => relative(root, file)).join('\n'));
}

function filesIn(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesIn(join(path, name)));
}
