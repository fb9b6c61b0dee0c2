import { identifiers } from './variables.ts';

const KEPT = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'TMPDIR', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'SSH_AUTH_SOCK'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'COMPOSE_PARALLEL_LIMIT'],
]);
const KEPT_PREFIX = /^(DOCKER_|BUILDKIT_|BUILDX_)/;
const PROXY = /^(https?|ftp|all|no)_proxy$/i;

/**
 * Said explicitly, because Compose would read them in `.env` too: containers of a profile that is not active are orphans to
 * Compose, and must neither be removed nor be warned of.
 */
const FIXED = { COMPOSE_REMOVE_ORPHANS: 'false', COMPOSE_IGNORE_ORPHANS: 'true', COMPOSE_MENU: 'false' };

/** What the docker command needs for itself, whatever the project: the engine, its credentials, the way to a registry. */
export const toolEnvironment = (
  environment: Readonly<Record<string, string>>,
  directory: string,
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    Object.entries(environment).filter(([name]) => KEPT.has(name) || KEPT_PREFIX.test(name) || PROXY.test(name)),
  ),
  ...FIXED,
  // What it is for someone who types `docker compose up` in the project's folder; files do name it.
  PWD: directory,
});

/**
 * The environment that Compose gets: what the command needs, and each variable whose name occurs in `texts` (the project's
 * files). A name that merely looks like a variable does no harm; what no file names can have no effect.
 *
 * @param texts - null: the files could not all be found, so that everything is kept but what steers Compose itself
 */
export const projectEnvironment = (
  environment: Readonly<Record<string, string>>,
  directory: string,
  texts: readonly string[] | null,
): Readonly<Record<string, string>> => {
  const named = texts === null ? null : new Set(texts.flatMap((text) => [...identifiers(text)]));
  const isKept = (name: string) => (named === null ? !name.startsWith('COMPOSE_') : named.has(name));
  return {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => isKept(name))),
    ...toolEnvironment(environment, directory),
  };
};
