import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ALL_FAULTS } from '../faults/all-faults.js';
import { DEFAULT_BOUNDS } from '../faults/checker.js';
import { runSuite } from '../faults/suite.js';

const folder = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const SEED = Number(process.env['CLOUDJOB_FAULTS_SEED'] ?? 1);

// The whole suite is `npm run test:faults`; here is a part of it that is always the same. Times are not judged, because
// the machine may be busy with other things: they are by the suite.
it(`keeps every promise under faults (CLOUDJOB_FAULTS_SEED=${SEED})`, { timeout: 180_000 }, async () => {
  const lines: string[] = [];
  const { tally, failed } = await runSuite({
    build: folder('dist'),
    folder: folder('.tmp/faults/npm-test'),
    seed: SEED,
    faults: ALL_FAULTS,
    only: ['scheduler-freeze+redis-swallowed-replies', 'redis-kill+zookeeper-leader-kill'],
    forMs: Infinity,
    maxRounds: 2,
    fires: 150,
    bounds: { ...DEFAULT_BOUNDS, latenessMs: Infinity },
    say: (line) => lines.push(line),
  });
  expect(failed, lines.join('\n')).toEqual([]);
  expect(tally.rounds).toBe(2);
  // A round that requires little finds little.
  expect(tally.required).toBeGreaterThan(1000);
});
