import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real ssh-agent with these keys, which have no passphrase. */
export const startAgent = async (keys: readonly string[]) => {
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-agent-'));
  const socket = join(folder, 'socket');
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    // Without keys it answers 1, and 2 while it is not there yet.
    for (let tries = 0; tries < 100; tries += 1) {
      const code = await run('ssh-add', ['-l'], { env }).then(
        () => 0,
        (error: { readonly code?: number }) => error.code,
      );
      if (code !== 2) break;
      await sleep(50);
    }
    for (const key of keys) await run('ssh-add', ['-q', key], { env });
  } catch (error) {
    await stop();
    throw error;
  }
  return { socket, stop };
};
