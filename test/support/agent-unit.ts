import { setTimeout as sleep } from 'node:timers/promises';
import { agentUnit } from '../../src/remote/setup/agent-unit.ts';
import type { Server } from './server.ts';
import type { Stack } from './stack.ts';

export const AGENT = 'kaleem-deploy-agent.service';

const RECOVERED_MS = 120_000;
const POLL_MS = 500;

interface Status {
  readonly unfinished: unknown;
  readonly fence: unknown;
  readonly lock: { readonly held: boolean };
}

/** Puts the agent's unit on a server that was not set up; it is neither enabled nor started. */
export const installAgent = async (server: Server, directory: string): Promise<void> => {
  const program = '/usr/local/bin/kaleem-deploy';
  const files = {
    [program]: `#!/bin/sh\nexec ${server.tool.join(' ')} "$@"\n`,
    [`/etc/systemd/system/${AGENT}`]: agentUnit({ program, directory, config: null }),
  };
  for (const [path, text] of Object.entries(files)) {
    const encoded = Buffer.from(text).toString('base64');
    await server.exec('sh', '-ec', `echo ${encoded} | base64 -d > ${path}; chmod 755 ${path}`);
  }
  await server.exec('systemctl', 'daemon-reload');
};

/** What the agent has said since the server was made. */
export const agentSaid = (server: Server): Promise<string> =>
  server.exec('journalctl', '--unit', AGENT, '--output', 'cat', '--no-pager');

/** Waits until nothing is left open of what died. Rejects with what the agent said where that takes too long. */
export const untilRecovered = async (server: Server, stack: Stack): Promise<void> => {
  const deadline = performance.now() + RECOVERED_MS;
  for (;;) {
    const status = (await stack.run('status', '--json')).json as Status | null;
    if (status !== null && status.unfinished === null && status.fence === null && !status.lock.held) return;
    if (performance.now() > deadline) throw new Error(await agentSaid(server));
    await sleep(POLL_MS);
  }
};
