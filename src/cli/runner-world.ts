import { openRuntimeFolder, runtimeFolders, thisUser } from '../operation/runner/runtime-folder.ts';
import { listenForFollowers, sweepSockets } from '../operation/runner/socket.ts';
import { inheritedChannel } from '../system/detached.ts';
import { MARKER_VARIABLE, runnerMarker } from '../system/marker.ts';
import { withoutAllocator } from './own-process.ts';
import { realParts } from './real-parts.ts';
import { type RunnerWorld, runRunner } from './runner.ts';

const listen: RunnerWorld['listen'] = async (serve) => {
  const user = thisUser(process.env);
  const folders = runtimeFolders(user);
  const folder = await openRuntimeFolder(folders, user.uid);
  const marker = runnerMarker();
  if (folder === null || marker === null) throw new Error(`none of ${folders.join(', ')} is a private folder of ours`);
  const listening = await listenForFollowers(folder, marker, (socket) => serve(socket));
  sweepSockets(folder).catch(() => {});
  return listening.close;
};

/** The runner of this process. */
export const runInProcess = async (kind: string): Promise<void> => {
  const { [MARKER_VARIABLE]: _, ...env } = withoutAllocator(process.env);
  // Loaded while the front says what is to be done.
  if (kind === 'deploy' || kind === 'rollback') import('../deploy/deploy.ts').catch(() => {});
  Promise.all([import('../config/load.ts'), import('../deploy/session.ts')]).catch(() => {});
  await runRunner(inheritedChannel(), {
    ...{ kind, listen, parts: realParts, signals: process },
    io: { env, cwd: process.cwd() },
  });
};
