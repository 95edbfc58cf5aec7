import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { findPlanted, PLANTED_BUGS } from './planted-bugs.js';

// Work, not waiting: it takes what a busy machine makes of it.
vi.setConfig({ testTimeout: 300_000 });

// Inside of the project, so that what is built finds its packages.
const parent = join(process.cwd(), '.tmp');
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, 'planted-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The quickest to be found; all of them with `npm run test:simulation -- --planted`. */
const TRIED = ['a backfill ends one time early', 'trust has no end'];

it.each(PLANTED_BUGS.filter(({ name }) => TRIED.includes(name)))('finds that $name', async (bug) => {
  const { failure } = await findPlanted(bug, { seed: 1, hours: 20, folder });
  expect(failure?.name).toBe('Violation');
});
