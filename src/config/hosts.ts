import { basename, resolve } from 'node:path';
import type { RemoteHost } from './config.ts';
import { fromHome } from './home.ts';
import { findHostFiles } from './locate.ts';
import { validate } from './problems.ts';
import type { HostInput } from './schema-hosts.ts';
import { readSource } from './source.ts';

type Hosts = Readonly<Record<string, RemoteHost>>;

const PROGRAM = ['kaleem-deploy'];

/** What the file says of hosts. `~` in the path of a key is `home`. */
export const resolveHosts = (
  hosts: Readonly<Record<string, HostInput>> = {},
  { base, home }: { readonly base: string; readonly home: string | null },
): Hosts =>
  Object.fromEntries(
    Object.entries(hosts).map(([name, { address, port, user, identity_file, directory, program }]) => [
      name,
      {
        ...{ address: address ?? null, port: port ?? null, user: user ?? null },
        identityFile: identity_file === undefined ? null : resolve(base, fromHome(identity_file, home)),
        ...{ directory: directory ?? null, program: program ?? PROGRAM },
      } satisfies RemoteHost,
    ]),
  );

export interface HostFile {
  readonly hosts: Hosts;
  /** What the application is called: `app`, else the folder's name. */
  readonly application: string;
}

/**
 * The hosts of the configuration file in this folder, or one above it. Nothing else of it is resolved: compose file and
 * `.env` are where the application runs.
 * @throws DeployError 'config-invalid', 'config-unsafe'
 */
export const loadHosts = async (input: {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly destination: string | null;
}): Promise<HostFile> => {
  const { directory, files } = await findHostFiles(input);
  const { app, hosts } = validate(await readSource(files, input.cwd));
  return {
    hosts: resolveHosts(hosts, { base: directory, home: input.environment.HOME ?? null }),
    application: app ?? basename(directory),
  };
};
