// npm test: installs what is missing, builds, checks, and runs every test against real servers.
// npm test -- PATH…: only these test files, without the checks.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuild, ensureDependencies, ensurePackages, requireNode, root, run, say } from './prepare.mjs';

requireNode();
ensureDependencies();
ensurePackages({
  redis: process.env.CLOUDJOB_TEST_REDIS === undefined,
  zookeeper: process.env.CLOUDJOB_TEST_ZOOKEEPER === undefined,
  browser: true,
  quartz: true,
});
ensureBuild();

const chosen = process.argv.slice(2);
const checked = chosen.length > 0 || run(process.execPath, [join(root, 'scripts/check.mjs')]) === 0;

const report = join(root, '.tmp', 'test-report.json');
mkdirSync(join(root, '.tmp'), { recursive: true });
rmSync(report, { force: true });
const vitest = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
];
const status = run(process.execPath, [...vitest, ...chosen], { env: { ...process.env, NODE_ENV: 'test' } });

let passed = 0;
let failed = checked ? 0 : 1;
try {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  passed = result.numPassedTests;
  failed += result.numFailedTests;
  // A file that cannot be loaded has no tests to count, but has failed.
  failed += result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
} catch {
  failed += 1;
}
if (status !== 0 && failed === 0) failed = 1;
if (!checked) say('The checks failed; see above.');
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
