import type { RegistryCredentials } from '../config/config.ts';
import type { Clock } from '../system/clock.ts';
import type { CommandResult, CommandRunner } from '../system/command.ts';
import { linesOf } from '../system/lines.ts';
import { markerEnvironment } from '../system/marker.ts';
import { containerState } from './container-state.ts';
import { withCredentials } from './docker-config.ts';
import type { Abortable, Docker, NetworkMember } from './engine.ts';
import { engineInfo, imageInfo } from './engine-info.ts';
import { commandFailed, complaint, unreachable } from './failure.ts';
import { COMPOSE_LABELS } from './labels.ts';
import { withRegistryRetry } from './registry-retry.ts';

export interface DockerDeps {
  readonly commands: CommandRunner;
  /** What the docker command needs (ComposeProject's will do). */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Credentials from the config, beside the user's own. */
  readonly registries?: readonly RegistryCredentials[];
}

const QUICK_MS = 60_000;
const SLOW_START_MS = 120_000;
const SLOW_MS = 60 * 60_000;
/** Followed logs end with the signal. */
const FOREVER_MS = 2 ** 31 - 1;
/** What the engine may take beside the grace that containers get. */
export const STOP_EXTRA_MS = 30_000;

const GONE =
  /no such (?:container|object|network|image)|removal of container \S+ is already in progress|network \S+ not found/i;

/** What changes something: images, containers, or what runs in one. */
export const DOCKER_EFFECTS = [
  ...(['pull', 'tag', 'untag', 'saveImage', 'loadImage'] as const),
  ...(['stop', 'kill', 'start', 'remove', 'setRestartPolicy', 'connect', 'disconnect', 'exec'] as const),
  'runHelper' as const,
];

/** The engine over the docker command. Failures are DeployErrors that name what was to be done, with docker's own last line. */
export const openDocker = (deps: DockerDeps): Docker => {
  const run = (args: readonly string[], options: RunDocker = {}): Promise<CommandResult> =>
    deps.commands.run(['docker', ...args], {
      env: options.environment ?? deps.environment,
      timeoutMs: options.timeoutMs ?? QUICK_MS,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    });

  /** Runs it and returns stdout. A complaint that matches `tolerate`, and nothing else, is not an error. */
  const must = async (
    what: string,
    args: readonly string[],
    options: RunDocker & { readonly tolerate?: RegExp } = {},
  ) => {
    const result = await run(args, options);
    if (result.exitCode === 0) return result.stdout;
    const { tolerate } = options;
    const lines = complaint({ stdout: '', stderr: result.stderr })
      .split('\n')
      .filter((line) => line.trim() !== '');
    const onlyTolerated = lines.length > 0 && lines.every((line) => tolerate?.test(line));
    if (onlyTolerated && !result.timedOut) return result.stdout;
    throw commandFailed(what, result);
  };

  const inspect = async (ids: readonly string[], { signal }: Abortable = {}): Promise<readonly unknown[]> => {
    if (ids.length === 0) return [];
    const json = await must('inspect containers', ['container', 'inspect', '--', ...ids], { signal, tolerate: GONE });
    return JSON.parse(json || '[]') as readonly unknown[];
  };

  const forEach = async (what: string, args: readonly string[], ids: readonly string[], options: RunDocker = {}) => {
    if (ids.length > 0)
      await must(`${what} ${ids.map(short).join(', ')}`, [...args, '--', ...ids], { tolerate: GONE, ...options });
  };

  const docker: Docker = {
    inspect,
    info: ({ signal } = {}) => engineInfo(deps, (args) => must('ask the Docker engine', args, { signal }), signal),

    async containers(project, { all = false, signal } = {}) {
      const filter = `label=${COMPOSE_LABELS.project}=${project}`;
      const [ids, networks] = await Promise.all([
        must(
          `list the containers of ${project}`,
          ['ps', '--quiet', '--no-trunc', ...(all ? ['--all'] : []), '--filter', filter],
          { signal },
        ),
        must('list networks', ['network', 'ls', '--no-trunc', '--format', '{{.ID}} {{.Driver}}'], { signal }),
      ]);
      const drivers = new Map(linesOf(networks).map((line) => line.split(' ') as [string, string]));
      const inspected = await inspect(linesOf(ids), { signal });
      return inspected
        .map((each) => containerState(each, drivers))
        .sort((a, b) => a.service.localeCompare(b.service) || a.number - b.number);
    },

    async containersOnNetwork(networkId, { signal } = {}) {
      // `network inspect` leaves out those that don't run; the filter of `ps` does not.
      const format = `{{.ID}}\t{{.Names}}\t{{.Label "${COMPOSE_LABELS.project}"}}`;
      const args = ['ps', '--all', '--no-trunc', '--filter', `network=${networkId}`, '--format', format];
      const lines = linesOf(await must(`list the containers on network ${networkId}`, args, { signal }));
      return lines.map((line): NetworkMember => {
        const [id = '', name = '', project = ''] = line.split('\t');
        return { id, name, project: project || null };
      });
    },

    async image(reference, { signal } = {}) {
      const json = await must(`inspect image ${reference}`, ['image', 'inspect', '--', reference], {
        signal,
        tolerate: GONE,
      });
      const [found] = JSON.parse(json.trim() || '[]') as readonly unknown[];
      return found === undefined ? null : imageInfo(found);
    },

    async pull(reference, { signal, onLine } = {}) {
      await withCredentials({ environment: deps.environment, registries: deps.registries ?? [] }, (environment) =>
        withRegistryRetry<void>(
          async () => {
            const result = await run(['pull', '--', reference], { environment, timeoutMs: SLOW_MS, signal, onLine });
            if (result.exitCode === 0) return { ok: true, value: undefined };
            const engineGone = unreachable(result);
            if (engineGone) throw engineGone;
            return { ok: false, said: result.timedOut ? 'context deadline exceeded' : result.stderr || result.stdout };
          },
          { reference, clock: deps.clock, signal },
        ),
      );
    },

    async tag(source, target) {
      await must(`tag ${source} as ${target}`, ['tag', '--', source, target]);
    },
    async untag(target) {
      // Not by force: that would take every tag of the image away when the target is an id.
      await must(`remove the tag ${target}`, ['image', 'rm', '--', target], { tolerate: GONE });
    },
    async saveImage(references, path, { signal } = {}) {
      await must(`save ${references.join(', ')}`, ['save', '--output', path, '--', ...references], {
        signal,
        timeoutMs: SLOW_MS,
      });
    },
    async loadImage(path, { signal } = {}) {
      await must(`load ${path}`, ['load', '--quiet', '--input', path], { signal, timeoutMs: SLOW_MS });
    },

    stop: (ids, graceMs, { signal } = {}) =>
      forEach('stop', ['stop', '-t', String(Math.ceil(graceMs / 1000))], ids, {
        signal,
        timeoutMs: graceMs + STOP_EXTRA_MS,
      }),
    kill: (ids) => forEach('kill', ['kill'], ids, { tolerate: new RegExp(`${GONE.source}|is not running`, 'i') }),
    start: (ids, { signal } = {}) => forEach('start', ['start'], ids, { signal, tolerate: NOTHING }),
    remove: (ids) => forEach('remove', ['rm', '--force'], ids),
    setRestartPolicy: (ids, policy) => forEach('set the restart policy of', ['update', '--restart', policy], ids),

    async connect(network, container, { aliases, ipv4 }) {
      const options = [...aliases.flatMap((alias) => ['--alias', alias]), ...(ipv4 ? ['--ip', ipv4] : [])];
      await must(
        `connect ${short(container)} to ${short(network)}`,
        ['network', 'connect', ...options, '--', network, container],
        {
          tolerate: /endpoint with name \S+ already exists in network/i,
        },
      );
    },
    async disconnect(network, container) {
      await must(
        `disconnect ${short(container)} from ${short(network)}`,
        ['network', 'disconnect', '--force', '--', network, container],
        { tolerate: new RegExp(`is not connected to|${GONE.source}`, 'i') },
      );
    },

    async streamLogs(id, { follow, lines, onLine, signal }) {
      const args = [
        'logs',
        '--tail',
        lines === null ? 'all' : String(lines),
        ...(follow ? ['--follow'] : []),
        '--',
        id,
      ];
      try {
        await must('read the logs', args, { signal, onLine, timeoutMs: FOREVER_MS });
      } catch (error) {
        if (!follow || !signal?.aborted) throw error;
      }
    },

    async logs(id, lines) {
      const result = await run(['logs', '--timestamps', '--tail', String(lines), '--', id]);
      if (result.exitCode !== 0) throw commandFailed(`read the logs of ${short(id)}`, result);
      // The two streams come apart; their time stamps, of fixed width, put them together again.
      const all = [...linesOf(result.stdout), ...linesOf(result.stderr)].sort((a, b) => (stamp(a) < stamp(b) ? -1 : 1));
      return all.slice(-lines).map((line) => line.slice(line.indexOf(' ') + 1));
    },

    async runHelper({ image, labels, mounts }, { signal } = {}) {
      const marked = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
      const mounted = mounts.flatMap(({ type, source, target }) => [
        '--mount',
        // A value of this option is a line of CSV.
        [`type=${type}`, `source=${source}`, `target=${target}`].map(csvField).join(','),
      ]);
      const alone = [
        ...['--pull', 'never', '--network', 'none', '--restart', 'no', '--no-healthcheck', '--user', '0:0'],
        // Where SELinux keeps containers apart, it may read what the database's own container wrote.
        ...['--security-opt', 'label=disable'],
      ];
      const id = await must(
        `start a helper container of ${short(image.replace('sha256:', ''))}`,
        ['run', '--detach', ...alone, ...marked, ...mounted, '--entrypoint', 'tail', '--', image, '-f', '/dev/null'],
        { signal, timeoutMs: SLOW_START_MS },
      );
      return id.trim();
    },

    async exec(id, argv, { timeoutMs, signal, environment = {} }) {
      // The marker's value is in the environment of every child.
      const names = Object.keys({ ...environment, ...markerEnvironment() }).flatMap((name) => ['--env', name]);
      return run(['exec', ...names, '--', id, ...argv], {
        environment: { ...deps.environment, ...environment },
        timeoutMs,
        signal,
      });
    },
  };
  return docker;
};

interface RunDocker extends Abortable {
  readonly timeoutMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly tolerate?: RegExp;
}

const csvField = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const NOTHING = /(?!)/;
const stamp = (line: string): string => line.slice(0, line.indexOf(' '));
const short = (id: string): string => (/^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id);
