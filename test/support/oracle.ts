import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { servedVersion } from './asking.ts';
import { collectionsOf, fingerprintOf } from './database.ts';
import { filesLeft } from './oracle/files.ts';
import { operationsOf } from './oracle/operations.ts';
import { processesOf } from './oracle/processes.ts';
import type { Stack } from './stack.ts';

// Decides, after whatever happened to the tool, which of two good states a project is in, and what is wrong with it. It looks
// at the outside world and at the files with nothing of the tool's own code, since that is what is being judged.

/** A project that runs well, as far as it can be told from another. */
export interface Good {
  /** Of the release, and what the api answers. */
  readonly tag: string;
  readonly services: Readonly<Record<string, ServiceFacts>>;
  /** Bytes of `.env`. */
  readonly env: string;
  /** By collection: documents and indexes. */
  readonly database: Readonly<Record<string, string>>;
}

interface ServiceFacts {
  readonly imageId: string;
  /** Compose's, of the rendered definition that the container was made from. */
  readonly configHash: string;
  readonly restartPolicy: string;
}

export interface Verdict {
  readonly is: 'old-good' | 'new-good' | 'neither';
  /** What a person would complain about; empty unless it is neither. */
  readonly violations: readonly string[];
}

interface Container extends ServiceFacts {
  readonly name: string;
  readonly service: string;
  readonly oneOff: boolean;
  readonly state: string;
  readonly health: string | null;
}

interface RawContainer {
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Status: string; readonly Health?: { readonly Status: string } };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: { readonly RestartPolicy: { readonly Name: string; readonly MaximumRetryCount: number } };
}

const containersOf = async ({ project, docker }: Stack): Promise<readonly Container[]> => {
  const ids = await docker('ps', '-aq', '--no-trunc', '--filter', `label=com.docker.compose.project=${project}`);
  if (ids === '') return [];
  const found = JSON.parse(await docker('container', 'inspect', ...ids.split('\n'))) as readonly RawContainer[];
  return found.map(({ Name, Image, State, Config, HostConfig }) => {
    const label = (name: string): string => Config.Labels[`com.docker.compose.${name}`] ?? '';
    const { Name: policy, MaximumRetryCount: retries } = HostConfig.RestartPolicy;
    return {
      ...{ name: Name.slice(1), service: label('service'), oneOff: label('oneoff').toLowerCase() === 'true' },
      ...{
        state: State.Status,
        health: State.Health?.Status ?? null,
        imageId: Image,
        configHash: label('config-hash'),
      },
      restartPolicy: retries > 0 ? `${policy}:${retries}` : policy,
    };
  });
};

export interface JudgeOptions {
  /** Collections that clients write to meanwhile: their documents are somebody else's to judge, their indexes are not. */
  readonly uncounted?: readonly string[];
}

/** What the stack is now, taken while it is known to be well. */
export const goodNow = async (stack: Stack, tag: string, options: JudgeOptions = {}): Promise<Good> => {
  const containers = await containersOf(stack);
  const services = containers.map(({ service, imageId, configHash, restartPolicy }) => [
    service,
    { imageId, configHash, restartPolicy },
  ]);
  return {
    ...{ tag, services: Object.fromEntries(services), env: await stack.read('.env') },
    database: await fingerprintOf(await stack.databaseAddress(), options.uncounted),
  };
};

const differing = (now: Readonly<Record<string, string>>, good: Readonly<Record<string, string>>): readonly string[] =>
  [...new Set([...Object.keys(now), ...Object.keys(good)])].filter((name) => now[name] !== good[name]).sort();

/** What may differ between the two good states. */
interface Seen {
  readonly containers: readonly Container[];
  readonly env: string;
  readonly database: Readonly<Record<string, string>>;
  readonly throughEdge: string;
  readonly direct: string;
  readonly live: string;
}

const unlike = (seen: Seen, good: Good): readonly string[] => {
  const own = seen.containers.filter(({ service, oneOff }) => !oneOff && good.services[service] !== undefined);
  const facts = own.flatMap(({ service, ...now }) => {
    const wanted = good.services[service];
    return (['imageId', 'configHash', 'restartPolicy'] as const).flatMap((fact) =>
      wanted === undefined || now[fact] === wanted[fact]
        ? []
        : [`${service}: ${fact} is ${now[fact]}, not ${wanted[fact]}`],
    );
  });
  const missing = Object.keys(good.services).filter((name) => !own.some(({ service }) => service === name));
  const extra = seen.containers.filter(({ service, oneOff }) => !oneOff && good.services[service] === undefined);
  const collections = differing(seen.database, good.database);
  return [
    ...facts,
    ...missing.map((name) => `${name}: it has no container`),
    ...extra.map(({ name }) => `${name}: its service is none of the release's`),
    ...(seen.env === good.env ? [] : ['.env: its bytes are others']),
    ...collections.map(
      (name) => `database: ${name} is ${seen.database[name] ?? 'gone'}, not ${good.database[name] ?? 'absent'}`,
    ),
    ...(seen.throughEdge === good.tag ? [] : [`edge: ${seen.throughEdge} answers`]),
    ...(seen.direct === good.tag ? [] : [`api port: ${seen.direct} answers`]),
    ...(seen.live === good.tag ? [] : [`releases: ${seen.live} is on record as live`]),
  ];
};

const containersLeft = (containers: readonly Container[]): readonly string[] => {
  const own = containers.filter(({ oneOff }) => !oneOff);
  const doubled = own.filter(({ service }, at) => own.findIndex((each) => each.service === service) !== at);
  return [
    ...containers.filter(({ oneOff }) => oneOff).map(({ name }) => `container ${name}: a one-off is left`),
    // What Compose calls the old container while it makes the new one.
    ...own.filter(({ name }) => /^[0-9a-f]{12,}_/.test(name)).map(({ name }) => `container ${name}: half replaced`),
    ...doubled.map(({ name }) => `container ${name}: a second one of its service`),
    ...own
      .filter(({ state, health }) => state !== 'running' || (health !== null && health !== 'healthy'))
      .map(({ name, state, health }) => `container ${name}: ${state}${health === null ? '' : `, ${health}`}`),
  ];
};

interface StoredRelease {
  readonly tag: string;
  readonly services: Readonly<Record<string, { readonly imageId: string }>>;
}

const releasesOf = async (state: string): Promise<{ live: string; imageIds: readonly string[] }> => {
  const at = join(state, 'releases');
  const names = (await readdir(at)).filter((name) => /^\d{6}$/.test(name));
  const releases = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(at, name, 'release.json'), 'utf8')) as StoredRelease),
  );
  const id = (await readFile(join(at, 'live'), 'utf8').catch(() => 'none')).trim();
  const live = releases[names.indexOf(id.padStart(6, '0'))]?.tag ?? `release ${id}`;
  const imageIds = releases.flatMap(({ services }) => Object.values(services).map(({ imageId }) => imageId));
  return { live, imageIds: [...new Set(imageIds)] };
};

const imagesGone = async ({ docker }: Stack, imageIds: readonly string[]): Promise<readonly string[]> => {
  const held = await docker('images', '--all', '--quiet', '--no-trunc');
  const present = new Set(held.split('\n'));
  return imageIds.filter((id) => !present.has(id)).map((id) => `releases: image ${id} of a kept release is gone`);
};

const fenceLeft = async (stack: Stack, state: string): Promise<readonly string[]> => {
  const files = (await readdir(state)).filter((name) => name === 'fence.json' || name === 'maintenance.json');
  const rules = await stack.fenceRules();
  return [...rules.map((rule) => `fence: ${rule}`), ...files.map((name) => `fence: ${name} is there`)];
};

const collectionsLeft = async (address: string): Promise<readonly string[]> =>
  (await collectionsOf(address))
    .filter((name) => name.startsWith('kaleem-deploy_'))
    .map((name) => `database: temporary collection ${name}`);

/** A machine with other things to do may leave a request without an answer; it does not do so three times. */
const patientlyServed = async (port: number): Promise<string> => {
  for (let left = 2; left > 0; left -= 1) {
    const version = await servedVersion(port);
    if (version !== 'no answer') return version;
    await sleep(1_000);
  }
  return servedVersion(port);
};

const lookAt = async (stack: Stack, options: JudgeOptions): Promise<{ seen: Seen; always: readonly string[] }> => {
  const state = join(stack.directory, '.kaleem');
  const [address, containers, env, { live, imageIds }, operations] = await Promise.all([
    stack.databaseAddress(),
    containersOf(stack),
    stack.read('.env'),
    releasesOf(state),
    operationsOf(state),
  ]);
  const [database, throughEdge, direct] = await Promise.all([
    fingerprintOf(address, options.uncounted),
    patientlyServed(stack.httpPort),
    patientlyServed(stack.apiPort),
  ]);
  const counted = Object.entries(database).filter(([name]) => !name.startsWith('kaleem-deploy_'));
  const always = await Promise.all([
    containersLeft(containers),
    operations.violations,
    fenceLeft(stack, state),
    collectionsLeft(address),
    filesLeft({ state, backups: join(stack.directory, 'backups'), project: stack.directory }),
    processesOf({ texts: [stack.project, stack.directory, ...operations.ids], markers: operations.runners }),
    imagesGone(stack, imageIds),
  ]);
  const seen = { containers, env, database: Object.fromEntries(counted), throughEdge, direct, live };
  return { seen, always: always.flat() };
};

/**
 * Old-good, new-good, or neither and why: images, rendered definitions and restart policies by container, `.env`, what the
 * database holds, who answers, journal, fence, and whatever is left behind. `new` null: there is only one good state.
 */
export const judge = async (
  stack: Stack,
  states: { readonly old: Good; readonly new: Good | null },
  options: JudgeOptions = {},
): Promise<Verdict> => {
  let looked: Awaited<ReturnType<typeof lookAt>>;
  try {
    looked = await lookAt(stack, options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { is: 'neither', violations: [`it can't even be looked at: ${message}`] };
  }
  const { seen, always } = looked;
  const unlikeOld = unlike(seen, states.old);
  const unlikeNew = states.new === null ? null : unlike(seen, states.new);
  const isOld = unlikeNew === null || unlikeOld.length <= unlikeNew.length;
  const nearest = isOld ? unlikeOld : (unlikeNew ?? []);
  const violations = [...always, ...nearest];
  if (violations.length > 0) return { is: 'neither', violations };
  return { is: isOld ? 'old-good' : 'new-good', violations: [] };
};
