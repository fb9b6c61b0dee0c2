import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Builds the command of the current sources into a folder of its own, so that a test never runs yesterday's `dist`, nor
 * one that is being written. KALEEM_TEST_CLI, where it is set, is used as it is.
 */
export const setup = async (): Promise<() => Promise<void>> => {
  if (process.env.KALEEM_TEST_CLI !== undefined) return async () => {};
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-e2e-build-'));
  const argv = ['--import', 'tsx', 'scripts/build.ts', join(folder, 'dist')];
  await promisify(execFile)(process.execPath, argv, { cwd: root });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  process.env.KALEEM_TEST_CLI = join(folder, 'dist/cli/main.js');
  return async () => {
    delete process.env.KALEEM_TEST_CLI;
    await rm(folder, { recursive: true, force: true });
  };
};
