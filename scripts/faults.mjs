// npm run test:faults -- [--minutes 10] [--rounds N] [--seed S] [--only fault,fault+fault] [--fires 500]
// Compiles the product and the suite into a folder of their own, so that work on the tree goes on meanwhile.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDependencies, ensurePackages, giveUp, requireNode, root, run } from './prepare.mjs';

requireNode();
ensureDependencies();
ensurePackages({ redis: true, zookeeper: true });

const work = join(root, '.tmp', 'faults');
const build = join(work, `build-${process.pid}`);
mkdirSync(build, { recursive: true });
writeFileSync(
  join(build, 'tsconfig.json'),
  JSON.stringify({
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { outDir: build, rootDir: root, declaration: false, lib: ['es2023', 'dom'], sourceMap: false },
    include: [join(root, 'src'), join(root, 'test/faults/main.ts')],
  }),
);
if (run(process.execPath, [join(root, 'node_modules/typescript7/bin/tsc'), '-p', join(build, 'tsconfig.json')]) !== 0)
  giveUp('The build failed.');
const isData = (path) => !/\.[a-z0-9]+$/i.test(path) || /\.(lua|mjs|json)$/.test(path);
for (const folder of ['src', 'test/faults', 'scripts']) {
  cpSync(join(root, folder), join(build, folder), { recursive: true, filter: isData });
}
for (const name of ['package.json', 'web']) cpSync(join(root, name), join(build, name), { recursive: true });

const suite = spawn(process.execPath, [join(build, 'test/faults/main.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// The suite plays its round to the end, stops what it has started, and then ends.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => suite.kill(signal));
suite.on('exit', (code) => {
  rmSync(build, { recursive: true, force: true });
  process.exit(code ?? 1);
});
