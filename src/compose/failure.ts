import { DeployError, type ErrorCode } from '../errors.ts';
import type { CommandResult } from '../system/command.ts';

/** Of a command that Docker refused. It stops an operation just as an engine that does not answer. */
const FAILED: ErrorCode = 'docker-failed';

/** A message's first lines without Compose's log prefix and its warnings, which stand beside every error. */
export const complaint = (result: Pick<CommandResult, 'stderr' | 'stdout'>): string => {
  const lines = (result.stderr.trim() || result.stdout.trim()).split('\n');
  const spoken = lines.filter(
    (line) => line.trim() !== '' && !/level=(?:warning|info|debug)/.test(line) && !isProgress(line),
  );
  return (spoken.length > 0 ? spoken : lines).join('\n').trim();
};

/** ` Container app-api-1  Recreated` and the like. */
const isProgress = (line: string): boolean =>
  /^ ?(?:Container|Network|Volume|Image) \S+ +(?!Error)[A-Z][a-z]+(?: \S+)?$/.test(line.trimEnd());

const NO_ENGINE =
  /cannot connect to the docker daemon|error during connect|is the docker daemon running|docker daemon is not running/i;
const NO_RIGHT = /permission denied while trying to connect to the docker|dial unix \S+: connect: permission denied/i;
const NO_COMPOSE =
  /'compose' is not a docker command|unknown (?:shorthand )?flag: '?(?:p' in -p|--project-name)|unknown (?:docker )?command: "?(?:docker )?compose/i;

/** 'docker-unreachable' when docker, compose or the engine is not there or may not be used; null when the failure is another one. */
export const unreachable = (result: CommandResult): DeployError | null => {
  const said = complaint(result);
  const refuse = (message: string, hint: string) =>
    new DeployError('docker-unreachable', message, { hint, details: said.split('\n').slice(-3) });
  if (result.exitCode === 127)
    return refuse('there is no `docker` command', 'install Docker: https://docs.docker.com/engine/install/');
  if (NO_COMPOSE.test(said)) {
    return refuse('`docker compose` is not installed', 'install it: https://docs.docker.com/compose/install/linux/');
  }
  if (NO_RIGHT.test(said)) {
    return refuse(
      `this user may not use the Docker engine: ${reasonIn(said)}`,
      'run this with sudo, or: sudo usermod -aG docker $USER, and log in again',
    );
  }
  if (NO_ENGINE.test(said)) {
    return refuse(
      `the Docker engine does not answer: ${reasonIn(said)}`,
      'start it: sudo systemctl start docker (or look at DOCKER_HOST and `docker context ls`)',
    );
  }
  return null;
};

/** The line that says why: the engine's last one, which the docker command may follow by a summary of its own; else the last. */
export const reasonIn = (text: string): string => {
  const lines = text.trim().split('\n');
  const line = lines.findLast((each) => each.includes(FROM_ENGINE)) ?? lines.at(-1) ?? '';
  return (line.split(FROM_ENGINE).at(-1) ?? '').trim();
};

const FROM_ENGINE = 'Error response from daemon:';

/**
 * Who has a port that a container was to publish. An engine that died while it started a container may keep the port
 * for it, after the container is gone, until the engine starts once more (moby/libnetwork#1790).
 */
const portHint = (said: string): string | null => {
  const [, port = '', taken = ''] =
    /:(\d+)(?::\S+)?(?: failed)?: (port is already allocated|.*address already in use)/.exec(said) ?? [];
  if (port === '') return null;
  if (taken !== 'port is already allocated') return `see which process has the port: sudo ss -ltnup 'sport = :${port}'`;
  return (
    `see which container has the port: docker ps --filter publish=${port}; ` +
    'where none has, a crash left it taken: sudo systemctl restart docker, then the same again'
  );
};

/** The error for a docker or compose command that failed. `what`: what it was to do, with the names ("start api-1"). */
export const commandFailed = (what: string, result: CommandResult): DeployError => {
  const known = unreachable(result);
  if (known) return known;
  const said = complaint(result);
  const disk = /no space left on device/i.test(said);
  const hint = disk ? 'make room: docker system df shows what uses it' : portHint(said);
  const how = result.timedOut ? 'it took too long' : reasonIn(said) || `exit code ${result.exitCode}`;
  return new DeployError(disk ? 'disk-full' : FAILED, `can't ${what}: ${how}`, {
    ...(hint === null ? {} : { hint }),
    details: said.split('\n').slice(-10),
  });
};
