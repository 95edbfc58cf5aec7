import { defineConfig } from 'vitest/config';

const shared = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  globalSetup: ['test/support/global-setup.ts'],
  restoreMocks: true,
};

// Cluster tests start a dozen processes each and measure gaps: one after another, after everything else.
export default defineConfig({
  oxc: { decorator: { legacy: true } },
  test: {
    // Most of a test is waiting for servers: a core is not kept for the process that only reports.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
