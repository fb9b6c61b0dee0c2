import { stat } from 'node:fs/promises';
import { renderProject } from '../compose/render.ts';
import { workOutRoles } from '../compose/roles.ts';
import { DeployError, messageOf } from '../errors.ts';
import { agentPid } from '../operation/agent-socket.ts';
import { lastEnded, listOperations, openOperations } from '../operation/operations.ts';
import { findState } from '../operation/state.ts';
import { diskSpace } from '../system/disk.ts';
import { keysFinding } from './backup-keys.ts';
import { checkPlaces, type Finding } from './check-places.ts';
import type { Context } from './context.ts';
import { withDatabase } from './database.ts';
import { openFirewall } from './fence/firewall.ts';
import { refuseProjectElsewhere } from './old-good.ts';
import type { Session } from './operate.ts';
import type { DoctorCheck, DoctorReport } from './results.ts';
import { projectContainers } from './writers.ts';

type Check = (context: Context) => Promise<Finding>;

const LOW_DISK_BYTES = 2_000_000_000;

const checks: Readonly<Record<string, Check>> = {
  'compose file': async (context) => {
    const rendered = await renderProject(context.project, context, {});
    const { writers, edge, database } = workOutRoles(rendered, context.config);
    return `${Object.keys(rendered.services).length} services; writers ${writers.join(', ') || 'none'}; edge ${edge.join(', ') || 'none'}; database ${database ?? 'elsewhere'}`;
  },
  project: async (context) => {
    const containers = await projectContainers(context);
    refuseProjectElsewhere(context, containers);
    const running = containers.filter((each) => each.state === 'running').length;
    return `${context.project.name}: ${running} of ${containers.length} containers run`;
  },
  'release images': async (context) => {
    const { images, environment } = context.config;
    const found = await Promise.all(
      images.map(
        async (variable) =>
          `${variable} ${(await context.registry.resolve(environment[variable] ?? '')).digest.slice(0, 19)}`,
      ),
    );
    return found.join(', ');
  },
  database: async (context) => {
    if (context.config.database === null) return 'none, as the configuration says';
    return withDatabase(context, async ({ server }) => {
      if (server.replicaSet === null) {
        const what = server.ferretdb ? 'a MongoDB-compatible server' : 'not a replica set';
        return {
          warning: `${server.version}, ${what}: backups while the application runs are not point-in-time`,
          hint: 'start mongod with --replSet rs0',
        };
      }
      return `${server.version}, replica set ${server.replicaSet}`;
    });
  },
  fence: async (context) => {
    if ((await openFirewall(context.commands)) !== null) return 'the firewall is within reach';
    return {
      warning: 'the firewall is out of reach: services are stopped instead',
      hint: 'run this as root, with iptables installed',
    };
  },
  disk: async (context) => {
    const paths = [context.config.backup.directory, ...(context.engine.local ? [context.engine.rootDirectory] : [])];
    for (const path of paths) {
      const { freeBytes } = await diskSpace(path);
      if (freeBytes < LOW_DISK_BYTES) {
        return { warning: `only ${Math.floor(freeBytes / 1e6)} MB free at ${path}`, hint: 'kaleem-deploy prune' };
      }
    }
    return 'enough free space';
  },
  gates: async ({ config }) => {
    if (config.gates.after.some((gate) => gate.type === 'http' || gate.type === 'page')) {
      return config.gates.after.map((gate) => gate.name).join(', ');
    }
    return { warning: 'no HTTP gate: a release that starts but does not work would pass', hint: 'set HEALTH_URL' };
  },
  'earlier operations': async ({ config }) => {
    const state = await findState(config.stateDirectory);
    const [open] = state === null ? [] : await openOperations(state);
    if (open !== undefined)
      throw new DeployError('halted-earlier', `operation ${open.id} (${open.kind} ${open.subject}) did not end`, {
        hint: 'kaleem-deploy history',
      });
    return 'all ended';
  },
  'backup drill': async ({ config }) => {
    const state = await findState(config.stateDirectory);
    const last = state === null ? null : lastEnded(await listOperations(state), 'drill');
    if (last === null)
      return 'none yet: `kaleem-deploy backup drill` restores the newest backup to see whether it can be';
    if (last.outcome === 'succeeded') return `backup ${last.subject} could be restored, ${last.startedAt}`;
    throw new DeployError(
      'check-failed',
      `the last one failed, ${last.startedAt}: ${last.error?.message ?? 'it died'}`,
      {
        hint: 'kaleem-deploy backup drill',
      },
    );
  },
  'backup encryption': ({ config }) => keysFinding(config),
  'off-site copies': (context) => checkPlaces(context),
  notifications: async ({ config }) => {
    const { notify } = config;
    const [broken] = notify.filter(({ problem }) => problem !== null);
    if (broken !== undefined) {
      return { warning: `${broken.name} is told nothing: ${broken.problem}`, hint: 'kaleem-deploy notify test' };
    }
    return notify.length === 0
      ? 'nobody is told: `notify:` in kaleem-deploy.yml'
      : notify.map(({ name, type }) => `${name} (${type})`).join(', ');
  },
  agent: async ({ config }) => {
    const pid = await agentPid(config.stateDirectory);
    if (pid !== null) return `it is running (process ${pid})`;
    const { schedules } = config.agent;
    const jobs = Object.entries(schedules).flatMap(([job, times]) => (times.length === 0 ? [] : [job]));
    return `it is not running: nothing is done by itself (${jobs.join(', ') || 'and nothing is scheduled'})`;
  },
  permissions: async ({ config }) => {
    const { mode } = await stat(config.compose.envFile).catch(() => ({ mode: 0o600 }));
    if ((mode & 0o004) === 0) return `${config.compose.envFile} is private`;
    return {
      warning: `${config.compose.envFile} can be read by every user`,
      hint: `chmod 600 ${config.compose.envFile}`,
    };
  },
};

const outcome = async (name: string, run: () => Promise<Finding>): Promise<DoctorCheck> => {
  try {
    const found = await run();
    if (typeof found === 'string') return { name, status: 'ok', detail: found, hint: null };
    return { name, status: 'warn', detail: found.warning, hint: found.hint };
  } catch (error) {
    return {
      name,
      status: 'fail',
      detail: messageOf(error),
      hint: error instanceof DeployError ? (error.hint ?? null) : null,
    };
  }
};

/** Looks at everything a deploy needs and says what to do about what is missing. */
export const doctor = async (session: Session): Promise<DoctorReport> => {
  const docker = await outcome('docker', async () => {
    const { engine } = await session.context();
    return `engine ${engine.version}, ${engine.architecture}${engine.rootless ? ', rootless' : ''}`;
  });
  if (docker.status === 'fail') return { ok: false, checks: [docker] };
  const context = await session.context();
  const rest = await Promise.all(Object.entries(checks).map(([name, check]) => outcome(name, () => check(context))));
  const all = [docker, ...rest];
  return { ok: all.every((each) => each.status !== 'fail'), checks: all };
};
