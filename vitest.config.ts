import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Four projects: `unit` needs nothing but Node and runs in seconds; `integration` drives one real part at a time;
// `e2e` runs the built command against whole stacks; `torture` kills and starves it: a part of each suite here, everything
// with `npm run torture`. The last three need the test bed (scripts/test-bed/up.sh --whole-server).

const { KALEEM_TORTURE, KALEEM_TORTURE_SEED } = process.env;
const isWhole = KALEEM_TORTURE === 'full';
const isNormal = KALEEM_TORTURE === undefined && KALEEM_TORTURE_SEED === undefined;
/** A change must not fail for a moment that another one would have met as well: `npm run torture` draws new ones. */
const SEED = '20261121';

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
      {
        extends: true,
        test: {
          name: 'torture',
          include: ['test/torture/**/*.test.ts'],
          globalSetup: ['test/e2e/build.ts'],
          env: isNormal ? { KALEEM_TORTURE_SEED: SEED } : {},
          sequence: { groupOrder: 3 },
          testTimeout: isWhole ? 3 * 60 * 60 * 1000 : 600_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
