// npm run test:simulation -- [--hours 100] [--seed S] [--each 4] [--without fault,fault] [--planted] [--only bug]
// Bundles the product and the simulation into one file, so that work on the tree goes on meanwhile. No servers needed.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDependencies, requireNode, root, run } from './prepare.mjs';

requireNode();
ensureDependencies();

const { build } = await import('vite');
const outDir = join(root, '.tmp', 'simulation');
const name = `main-${process.pid}.mjs`;
await build({
  root,
  configFile: false,
  logLevel: 'error',
  build: {
    ssr: join(root, 'test/simulation/main.ts'),
    outDir,
    emptyOutDir: false,
    rolldownOptions: { output: { entryFileNames: name } },
  },
});
const bundle = join(outDir, name);
try {
  // Most of what is made lives for one event: with more room for the young, less is copied.
  process.exitCode = run(process.execPath, ['--max-semi-space-size=64', bundle, ...process.argv.slice(2)]);
} finally {
  rmSync(bundle, { force: true });
}
