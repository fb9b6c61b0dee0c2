import { DeployError } from '../../errors.ts';
import { type CommandResult, lastLine } from '../../system/command.ts';
import type { Context } from '../context.ts';
import type { InitStep } from './step.ts';

const TIMEOUT_MS = 30_000;

const exec = (context: Context, id: string, argv: readonly string[]): Promise<CommandResult> =>
  context.docker.exec(id, argv, { timeoutMs: TIMEOUT_MS, signal: context.signal });

const must = async (context: Context, id: string, service: string, argv: readonly string[]): Promise<void> => {
  const result = await exec(context, id, argv);
  if (result.exitCode === 0) return;
  throw new DeployError(
    'check-failed',
    `${service}: ${argv.join(' ')} failed: ${lastLine(result) || `exit code ${result.exitCode}`}`,
    {
      details: result.stderr.trim().split('\n').slice(-10),
    },
  );
};

/** A proxy keeps the addresses it resolved at its start; recreated services behind it have new ones. */
export const nginxReload: InitStep<'nginx-reload'> = async (context, spec, { id }) => {
  await must(context, id, spec.service, ['nginx', '-t']);
  await must(context, id, spec.service, ['nginx', '-s', 'reload']);
  return 'configuration tested and reloaded';
};

export const redisCluster: InitStep<'redis-cluster'> = async (context, spec, { id }) => {
  const info = await exec(context, id, ['redis-cli', 'cluster', 'info']);
  if (info.stdout.includes('cluster_state:ok')) return 'cluster is there';
  const replicas = String(spec.replicas);
  const argv = ['redis-cli', '--cluster', 'create', ...spec.nodes, '--cluster-replicas', replicas, '--cluster-yes'];
  await must(context, id, spec.service, argv);
  return 'cluster created';
};

export const initCommand: InitStep<'command'> = async (context, spec, { id }) => {
  await must(context, id, spec.service, spec.argv);
  return 'done';
};
