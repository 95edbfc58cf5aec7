// npm run check: types, lint, boundaries and format, without running any test.
import { join } from 'node:path';
import { ensureDependencies, requireNode, root, run, say } from './prepare.mjs';

requireNode();
ensureDependencies();
const bin = (name) => join(root, 'node_modules', name);
const steps = [
  ['types', [bin('typescript7/bin/tsc'), '-p', 'tsconfig.check.json']],
  ['lint', [bin('eslint/bin/eslint.js'), '.']],
  [
    'boundaries',
    [
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      'src',
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'err',
    ],
  ],
  ['format', [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']],
];
const failed = steps.filter(([name, args]) => {
  say(`Checking ${name} …`);
  return run(process.execPath, args) !== 0;
});
if (failed.length > 0) {
  say(`Failed: ${failed.map(([name]) => name).join(', ')}`);
  process.exit(1);
}
