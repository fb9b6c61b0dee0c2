import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Started, start } from './command.ts';
import { builtTool } from './machine.ts';
import { makeSshClient } from './ssh-client.ts';
import { type Sshd, startSshd } from './sshd.ts';
import type { Stack } from './stack.ts';

const MOST_MS = 180_000;

/** Another home and folder, from which a stack is reached over a real sshd as `--host prod`. */
export interface Laptop {
  readonly sshd: Sshd;
  /** Types a verb with `--host prod`. */
  typed(...argv: readonly string[]): Started;
  close(): Promise<void>;
}

export const openLaptop = async (stack: Stack): Promise<Laptop> => {
  const [sshd, client] = [await startSshd(), await makeSshClient()];
  await client.configure(...client.host('prod', sshd));
  await client.trust(sshd);
  const hosts = { prod: { directory: stack.directory, program: [process.execPath, builtTool()] } };
  await writeFile(join(client.folder, 'kaleem-deploy.yml'), JSON.stringify({ hosts }), { mode: 0o600 });
  return {
    sshd,
    typed: (...argv) =>
      start([process.execPath, builtTool(), '--host', 'prod', ...argv], {
        ...{ cwd: client.folder, env: { ...client.environment, NO_COLOR: '1' }, timeoutMs: MOST_MS },
      }),
    async close() {
      await sshd.stop();
      await client.cleanup();
    },
  };
};
