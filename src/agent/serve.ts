import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import { becomeAgent } from '../operation/agent-socket.ts';
import { openState } from '../operation/state.ts';
import type { Clock } from '../system/clock.ts';
import { systemCommands } from '../system/command.ts';
import { setVariables } from '../system/environment.ts';
import { runAgent } from './agent.ts';
import { readAgentRecord, writeAgentRecord } from './record.ts';
import { openSupervisor } from './supervisor.ts';
import { timetablesOf } from './timetables.ts';
import { complaintOf, type Tool } from './tool.ts';
import type { AgentWorld } from './world.ts';

export interface ServeOptions extends Pick<AgentWorld, 'signal' | 'say' | 'onReload'> {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** This tool, and the options that say which project is meant. */
  readonly program: readonly string[];
  readonly scope: readonly string[];
}

const SETTINGS_MS = 60_000;

/** What is between systemd and the agent alone. */
const OF_SYSTEMD = ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC', 'JOURNAL_STREAM', 'INVOCATION_ID'];

const openTool = ({ environment, cwd, program, scope }: ServeOptions): Tool => {
  const env = Object.fromEntries(
    Object.entries(setVariables(environment)).filter(([name]) => !OF_SYSTEMD.includes(name)),
  );
  return {
    run: (argv, options) => systemCommands.run([...program, ...argv, ...scope, '--json'], { env, cwd, ...options }),
  };
};

/** Of the configuration what the agent needs: `agent --settings` prints it. */
export type AgentSettings = Pick<Config, 'agent' | 'stateDirectory' | 'warnings'>;

/** Asked of a command, like everything else: what reads configurations is large, and the agent stays for months. */
const askSettings = async (tool: Tool, signal: AbortSignal): Promise<AgentSettings> => {
  const ran = await tool.run(['agent', '--settings'], { timeoutMs: SETTINGS_MS, signal });
  if (ran.exitCode === 0) return JSON.parse(ran.stdout) as AgentSettings;
  throw new DeployError('config-invalid', complaintOf(ran), { hint: 'kaleem-deploy config shows what is understood' });
};

/**
 * Is the agent of a project until the signal is aborted.
 * @throws DeployError 'locked' where there is one already; 'config-invalid'; the signal's reason where it is aborted before that is known
 */
export const serveAgent = async (options: ServeOptions): Promise<void> => {
  const { clock, environment, signal, say, onReload } = options;
  const tool = openTool(options);
  const { stateDirectory, warnings } = await askSettings(tool, signal);
  for (const text of warnings) say({ type: 'warning', text });
  const state = await openState(stateDirectory);
  const place = await becomeAgent(state.path);
  try {
    await runAgent({
      ...{ clock, signal, say, onReload, tool },
      supervisor: openSupervisor(environment, { commands: systemCommands, clock }),
      load: async () => timetablesOf((await askSettings(tool, signal)).agent),
      readRecord: () => readAgentRecord(state),
      writeRecord: (record) => writeAgentRecord(state, record),
      liveRelease: () => readFile(join(state.releases, 'live'), 'utf8').catch(() => ''),
    });
  } finally {
    await place.close();
  }
};
