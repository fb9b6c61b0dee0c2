import { DeployError } from '../errors.ts';
import type { CommandResult, CommandRunner } from '../system/command.ts';
import { type ComposeCall, configArguments } from './arguments.ts';
import { complaint, unreachable } from './failure.ts';

/** What every call of Compose needs. */
export interface ComposeDeps {
  readonly commands: CommandRunner;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 60_000;

/**
 * Runs `docker compose config`.
 *
 * @throws DeployError 'compose-invalid' in Compose's own words and naming the files; 'docker-unreachable'
 */
export const runConfig = async (
  call: ComposeCall,
  what: 'interpolated' | 'as-written' | 'hashes',
  options: { readonly environment: Readonly<Record<string, string>>; readonly input?: string },
  deps: ComposeDeps,
): Promise<CommandResult> => {
  const result = await deps.commands.run(configArguments(call, what), {
    env: options.environment,
    cwd: call.directory,
    timeoutMs: TIMEOUT_MS,
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(deps.signal === undefined ? {} : { signal: deps.signal }),
  });
  if (result.exitCode === 0) return result;
  throw unreachable(result) ?? invalid(call, result);
};

const invalid = (call: ComposeCall, result: CommandResult): DeployError => {
  const said = result.timedOut ? `docker compose config took longer than ${TIMEOUT_MS / 1000} s` : complaint(result);
  const named = call.files.some((file) => said.includes(file));
  return new DeployError('compose-invalid', named ? said : `${call.files.join(', ')}: ${said}`, {
    hint: `try: cd ${call.directory} && docker compose config`,
  });
};
