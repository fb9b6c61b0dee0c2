import type { HookName } from '../config/config.ts';
import { DeployError, type ErrorCode } from '../errors.ts';
import type { Operation } from '../operation/operations.ts';
import { lastLine } from '../system/command.ts';
import type { Context } from './context.ts';

/** What a hook finds in its environment, beside PATH and HOME. */
export interface HookFacts {
  readonly tag: string;
  readonly previousTag: string | null;
  readonly backup: string | null;
  readonly error?: string;
}

const environment = (
  context: Context,
  operation: Operation,
  hook: HookName,
  facts: HookFacts,
): Record<string, string> => ({
  KALEEM_HOOK: hook,
  KALEEM_OPERATION: operation.id,
  KALEEM_PROJECT: context.project.name,
  KALEEM_DESTINATION: context.config.destination ?? '',
  KALEEM_TAG: facts.tag,
  KALEEM_PREVIOUS_TAG: facts.previousTag ?? '',
  KALEEM_BACKUP: facts.backup ?? '',
  KALEEM_ERROR: facts.error ?? '',
});

/**
 * Runs a hook where one is configured: on the host in the project's directory, or in a one-off container of a service.
 *
 * @param composeFile - the rendered file that a one-off container is made from
 * @throws DeployError with `code` when it fails or takes longer than its timeout
 */
export const runHook = async (
  context: Context,
  operation: Operation,
  name: HookName,
  options: { readonly facts: HookFacts; readonly composeFile: string; readonly code: ErrorCode },
): Promise<void> => {
  const hook = context.config.hooks[name];
  if (hook === undefined) return;
  const { commands, compose, config, signal } = context;
  const env = environment(context, operation, name, options.facts);
  const result = await context.progress.step(`run the ${name} hook`, (step) => {
    const limits = { timeoutMs: hook.timeoutMs, signal, onLine: (line: string) => step.detail(line) };
    return operation.effect(`hook.${name}`, { argv: hook.argv, service: hook.service }, () =>
      hook.service === null
        ? commands.run(hook.argv, {
            ...limits,
            cwd: config.compose.directory,
            env: { PATH: config.environment.PATH ?? '', HOME: config.environment.HOME ?? '', ...env },
          })
        : compose.runOneOff(options.composeFile, hook.service, hook.argv, {
            ...limits,
            environment: env,
            operation: operation.id,
          }),
    );
  });
  if (result.exitCode === 0) return;
  const how = result.timedOut ? `took longer than ${hook.timeoutMs / 1000} s` : `exited with code ${result.exitCode}`;
  throw new DeployError(options.code, `the ${name} hook (${hook.argv.join(' ')}) ${how}: ${lastLine(result)}`, {
    details: `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-10),
  });
};
