import type { Duplex } from 'node:stream';
import type { StartedRunner } from '../operation/runner/start.ts';
import type { Io } from './io.ts';

/** Runners, as the command that was typed reaches them. Tests run them in-process. */
export interface RunnerLauncher {
  /** Starts the runner of one operation; it waits for its job. */
  startRunner(kind: string, io: Pick<Io, 'env' | 'cwd'>): Promise<StartedRunner>;
  /** The runner with this marker; null when it is gone, or another user's. */
  connectToRunner(marker: string, env: Io['env']): Promise<Duplex | null>;
}

export const realRunners: RunnerLauncher = {
  async startRunner(kind, { env }) {
    const [{ startRunner }, { ownProcess, runnerEnvironment }] = await Promise.all([
      import('../operation/runner/start.ts'),
      import('./own-process.ts'),
    ]);
    // The words after the program are for whoever looks at `ps`, but for the kind.
    return startRunner([...ownProcess('runner-process'), kind], runnerEnvironment(env));
  },
  async connectToRunner(marker, env) {
    const [{ connectToRunner }, { runtimeFolders, thisUser }] = await Promise.all([
      import('../operation/runner/socket.ts'),
      import('../operation/runner/runtime-folder.ts'),
    ]);
    const user = thisUser(env);
    return connectToRunner(runtimeFolders(user), user.uid, marker);
  },
};
