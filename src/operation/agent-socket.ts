import { realpath } from 'node:fs/promises';
import { DeployError } from '../errors.ts';
import { askOn, type Listener, listenOn, socketName } from './lock-socket.ts';

const ANSWER_MS = 1_000;

const nameOf = async (stateDirectory: string): Promise<string> =>
  socketName(['agent', await realpath(stateDirectory).catch(() => stateDirectory)]);

/**
 * Takes the place of the one agent of a state directory, until this process is gone.
 * @throws DeployError 'locked' when another process has it
 */
export const becomeAgent = async (stateDirectory: string): Promise<Listener> => {
  const listener = await listenOn(await nameOf(stateDirectory), () => String(process.pid));
  if (listener !== null) return listener;
  const pid = await agentPid(stateDirectory);
  throw new DeployError('locked', `an agent is running already for ${stateDirectory} (process ${pid ?? 'unknown'})`, {
    hint: 'systemctl status kaleem-deploy-agent; one is enough',
  });
};

/** Of the agent that runs; null: none does, or it does not answer. */
export const agentPid = async (stateDirectory: string): Promise<number | null> => {
  const answer = await askOn(await nameOf(stateDirectory), ANSWER_MS);
  return answer.state === 'answered' && /^\d{1,10}$/.test(answer.text) ? Number(answer.text) : null;
};
