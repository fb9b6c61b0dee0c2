import { type ComposeCall, renderedCall } from './arguments.ts';
import { type ComposeDeps, runConfig } from './config-command.ts';
import type { ComposeProject } from './project.ts';
import { renderedEnvironment } from './project.ts';

export interface ServiceHashes {
  readonly hash: string;
  readonly hashAlone: string;
}

/**
 * The hashes that Compose gives the services of a rendered document, which goes over stdin: no file holds its secrets.
 * (Of the user's own files `config --hash` can't be used: Compose 2.26 hashes `env_file` there and does not when it creates containers.)
 */
export const serviceHashes = async (
  project: ComposeProject,
  text: string,
  variables: readonly string[],
  deps: ComposeDeps,
): Promise<Readonly<Record<string, ServiceHashes>>> => {
  const call = renderedCall(project, '-');
  const environment = renderedEnvironment(project, variables);
  const [whole, alone] = await Promise.all(
    [text, withoutDependencies(text)].map((input) => hashesOf(call, { environment, input }, deps)),
  );
  return Object.fromEntries(
    Object.entries(whole ?? {}).map(([name, hash]) => [name, { hash, hashAlone: alone?.[name] ?? hash }]),
  );
};

const hashesOf = async (
  call: ComposeCall,
  options: { readonly environment: Readonly<Record<string, string>>; readonly input: string },
  deps: ComposeDeps,
): Promise<Readonly<Record<string, string>>> => {
  const { stdout } = await runConfig(call, 'hashes', options, deps);
  const lines = stdout.trim().split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => line.trim().split(/\s+/) as [string, string]));
};

const withoutDependencies = (text: string): string => {
  const document = JSON.parse(text) as { readonly services?: Record<string, Record<string, unknown>> };
  for (const service of Object.values(document.services ?? {})) delete service.depends_on;
  return JSON.stringify(document);
};
