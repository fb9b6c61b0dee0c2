import { DeployError } from '../errors.ts';
import type { Clock } from '../system/clock.ts';
import type { Manifest } from './manifest.ts';
import { setMark } from './marks.ts';
import { type VerifyOptions, verifyBackup } from './verify.ts';

/**
 * Verifies a backup that has a manifest, and leaves beside it when that was and what was found: prune never removes the newest
 * one that was good. Throws as {@link verifyBackup} does. `onUnmarked`: where nothing can be left there, that is told and no failure.
 */
export const verifyMarked = async (
  path: string,
  clock: Clock,
  options: VerifyOptions & { readonly onUnmarked?: (error: unknown) => void } = {},
): Promise<Manifest> => {
  const mark = (problem: string | null): Promise<void> =>
    setMark(path, 'verified', { at: clock.now().toISOString(), problem });
  const manifest = await verifyBackup(path, options).catch(async (error: unknown) => {
    // What is wrong with the archive comes first, and not that there is no room to say so.
    if (error instanceof DeployError && error.code === 'backup-invalid') await mark(error.message).catch(() => {});
    throw error;
  });
  await mark(null).catch((error: unknown) => {
    if (options.onUnmarked === undefined) throw error;
    options.onUnmarked(error);
  });
  return manifest;
};
