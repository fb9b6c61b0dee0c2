import { createHash } from 'node:crypto';
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
  const document = JSON.parse(text) as ComposeText;
  const copies = withoutDependencies(document);
  // One call for both where it can be: Compose takes longer to start than to hash.
  const asked = canStandBeside(document, copies)
    ? [{ ...document, services: { ...document.services, ...copies } }]
    : [document, { ...document, services: { ...document.services, ...originalNames(copies) } }];
  const [whole = {}, other = {}] = await Promise.all(
    asked.map((each) => hashesOf(call, { environment, input: JSON.stringify(each) }, deps)),
  );
  return Object.fromEntries(
    Object.keys(document.services ?? {}).flatMap((name) => {
      const hash = whole[name];
      return hash === undefined ? [] : [[name, { hash, hashAlone: whole[aloneName(name)] ?? other[name] ?? hash }]];
    }),
  );
};

type Services = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
interface ComposeText {
  readonly services?: Services;
}

const ALONE = '.alone';
const aloneName = (name: string): string => `${name}${ALONE}`;
const originalNames = (copies: Services): Services =>
  Object.fromEntries(Object.entries(copies).map(([name, service]) => [name.slice(0, -ALONE.length), service]));

/** Copies of the services that depend on others, under names of their own: a service's name is no part of its hash. */
const withoutDependencies = ({ services = {} }: ComposeText): Services =>
  Object.fromEntries(
    Object.entries(services)
      .filter(([, service]) => service.depends_on !== undefined)
      .map(([name, { depends_on: _, ...rest }]) => [aloneName(name), rest]),
  );

/** Newer versions of Compose refuse two services with one `container_name`. */
const canStandBeside = ({ services = {} }: ComposeText, copies: Services): boolean =>
  Object.entries(copies).every(([name, copy]) => copy.container_name === undefined && services[name] === undefined);

/** The last documents that were hashed in this process: a deploy asks again for the one it planned, to create from it. */
const recent = new Map<string, Promise<Readonly<Record<string, string>>>>();
const MOST_RECENT = 4;

const hashesOf = (
  call: ComposeCall,
  options: { readonly environment: Readonly<Record<string, string>>; readonly input: string },
  deps: ComposeDeps,
): Promise<Readonly<Record<string, string>>> => {
  const key = createHash('sha256')
    .update(JSON.stringify([call, options]))
    .digest('hex');
  const known = recent.get(key);
  if (known !== undefined) return known;
  const asked = askHashes(call, options, deps);
  recent.set(key, asked);
  asked.catch(() => recent.delete(key));
  const [oldest = key] = recent.keys();
  if (recent.size > MOST_RECENT) recent.delete(oldest);
  return asked;
};

const askHashes = async (
  call: ComposeCall,
  options: { readonly environment: Readonly<Record<string, string>>; readonly input: string },
  deps: ComposeDeps,
): Promise<Readonly<Record<string, string>>> => {
  const { stdout } = await runConfig(call, 'hashes', options, deps);
  const lines = stdout.trim().split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => line.trim().split(/\s+/) as [string, string]));
};
