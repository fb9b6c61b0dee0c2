import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Four projects: `unit` needs nothing but Node and runs in seconds; `integration` drives one real part at a time;
// `e2e` runs the built command against whole stacks; `torture` kills and starves it, and is there
// only with KALEEM_TORTURE=short or full (`npm run torture`). The last three need the test bed (scripts/test-bed/up.sh).
export default defineConfig({
  // Here the armed one, which does nothing until a test says so (test/support/failpoints.ts).
  resolve: {
    alias: { '#failpoint': fileURLToPath(new URL('src/system/failpoints/armed.ts', import.meta.url)) },
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          // Its reaper is an image that a machine without a public registry can't have; tests remove what they made.
          env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
          include: ['test/integration/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/build.ts'],
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
      ...(process.env.KALEEM_TORTURE === undefined
        ? []
        : [
            {
              extends: true as const,
              test: {
                name: 'torture',
                include: ['test/torture/**/*.test.ts'],
                globalSetup: ['test/e2e/build.ts'],
                sequence: { groupOrder: 3 },
                testTimeout: 3 * 60 * 60 * 1000,
                hookTimeout: 600_000,
                maxWorkers: 2,
              },
            },
          ]),
    ],
  },
});
