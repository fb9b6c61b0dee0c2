import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ContainerState, Docker } from '../../../src/compose/engine.ts';
import { deploy } from '../../../src/deploy/deploy.ts';
import type { Session } from '../../../src/deploy/operate.ts';
import { recover } from '../../../src/deploy/recover.ts';
import type { DeployRequest } from '../../../src/deploy/requests.ts';
import { ask } from '../../support/asking.ts';
import { dieAt } from '../../support/failpoints.ts';
import { createFakeFirewall, type FakeFirewall } from '../../support/fake-firewall.ts';
import { freePort } from '../../support/free-port.ts';
import { API, createWorld, failureOf, RESTART_POLICIES, type World } from './world.ts';

// Where and when a deploy calls the fence, over an engine and a firewall in memory: api is on a network that another
// project's proxy is on, too.

const SHARED = 'shared';
const to = (tag: string): DeployRequest => ({ tag, images: {}, upgrade: [], restartAll: false });

let world: World;
let firewall: FakeFirewall;
let ports: { api: number; web: number };
/** Containers that were taken off the shared network, and not brought back. */
let off: Set<string>;

const networkOf = (id: string) => ({
  id,
  name: id,
  ipv4: '172.30.0.2',
  ipv6: null,
  aliases: ['api'],
  driver: 'bridge',
});

const onNetworks = (each: ContainerState): ContainerState => ({
  ...each,
  networks: [networkOf('own'), ...(each.service === 'api' && !off.has(each.id) ? [networkOf(SHARED)] : [])],
});

const proxy = { id: 'proxy', name: 'others-proxy-1', project: 'others' };

const fencedSession = (session = world.session): Session => {
  return {
    ...session,
    context: async () => {
      const context = await session.context();
      const docker: Docker = {
        ...context.docker,
        containers: async (project, options) =>
          project === proxy.project
            ? [{ id: proxy.id, hostNetwork: false, ports: [{ published: 8443 }] } as unknown as ContainerState]
            : (await context.docker.containers(project, options)).map(onNetworks),
        containersOnNetwork: async (id) => (id === SHARED ? [proxy] : []) as never,
        disconnect: async (_network, container) => void off.add(container),
        connect: async (_network, container) => void off.delete(container),
      };
      return { ...context, docker, commands: firewall.commands(context.commands) };
    },
  };
};

const apiIsOff = (): boolean => world.engine.all().some(({ service, id }) => service === 'api' && off.has(id));

/** What is seen at each call of the engine that starts with one of these words. */
const watch = (look: () => unknown): Record<string, unknown> => {
  const seen: Record<string, unknown> = {};
  world.engine.interfere = ({ text, moment }) => {
    if (moment === 'before' && !(text in seen)) seen[text] = look();
  };
  return seen;
};

const intents = async () => (await world.journal()).filter(({ type }) => type === 'intent').map(({ step }) => step);

beforeEach(async () => {
  ports = { api: await freePort(), web: await freePort() };
  off = new Set();
  firewall = createFakeFirewall();
  world = await createWorld({ ports, config: { fence: { mode: 'firewall', retryAfterSeconds: 30 } } });
});
afterEach(async () => {
  await firewall.close();
  await world.remove();
});

test('a deploy raises, holds, isolates, stops, cuts, and in the end gives everything back', async () => {
  await deploy(fencedSession(), to('v2'));
  expect((await intents()).filter((step) => /^(fence|restart-policy|containers|commit)/.test(step))).toEqual([
    'fence.raise',
    'restart-policy.hold',
    'fence.detach',
    ...['containers.stop', 'containers.stop'],
    'fence.cut',
    'containers.stop',
    'containers.create',
    ...['restart-policy.hold', 'fence.detach', 'containers.start', 'containers.start'],
    ...['restart-policy.hold', 'containers.start'],
    'commit',
    ...['restart-policy.release', 'restart-policy.release', 'restart-policy.release'],
    'fence.reattach',
    'fence.lift',
  ]);
  expect(firewall.rules()).toEqual([]);
  expect(world.policies()).toEqual(RESTART_POLICIES);
  expect(apiIsOff()).toBe(false);
});

test('the fence answers before the first writer stops, and until the old restart policies are back', async () => {
  const answers: Promise<unknown>[] = [];
  const seen = watch(() => {
    answers.push(ask(ports.api, '/').then((answer) => answer?.status));
    return firewall.rules().length;
  });
  await deploy(fencedSession(), to('v2'));
  expect(seen['stop worker']).toBe(5);
  // Two ports: each is turned over twice, one rule lets that in, and connections to each are reset in three chains.
  expect(seen['start api']).toBe(11);
  expect(seen['restart-policy always web']).toBe(11);
  expect((await Promise.all(answers)).filter((status) => status === 503).length).toBeGreaterThan(5);
});

test('neither the old api nor the new one can be met past the firewall, from its first moment on', async () => {
  const seen = watch(apiIsOff);
  await deploy(fencedSession(), to('v2'));
  expect(seen).toMatchObject({ 'stop api': true, 'start api': true });
});

describe('a version that fails', () => {
  test('leaves the old one as fenced as it was until that is well', async () => {
    world.engine.behaviours.set(`${API}:v2`, 'exits');
    const starts: boolean[] = [];
    world.engine.interfere = ({ text, moment }) => {
      if (moment === 'before' && text === 'start api') starts.push(apiIsOff());
    };
    const error = await failureOf(deploy(fencedSession(), to('v2')));
    expect(error.code).toBe('rolled-back');
    expect(starts).toEqual([true, true]);
    expect(firewall.rules()).toEqual([]);
    expect(world.policies()).toEqual(RESTART_POLICIES);
    expect(apiIsOff()).toBe(false);
  });
});

test('a recovery shuts visitors out again, those whose connections are open too, before it looks at the database', async () => {
  const death = dieAt('effect.containers.stop.run');
  await Promise.race([death.met, deploy(fencedSession(), to('v2'))]);
  await death.bury();
  const before = (await intents()).length;
  expect(await intents()).not.toContain('fence.cut');
  await recover(fencedSession(world.afterDeath()), { accept: false });
  expect((await intents()).slice(before, before + 2)).toEqual(['fence.raise', 'fence.cut']);
  expect(firewall.rules()).toEqual([]);
  expect(world.policies()).toEqual(RESTART_POLICIES);
});

test('rules of an operation that died go with the next raise, those of another project stay', async () => {
  const rule = (owner: string) => `-p tcp --dport 1 -m comment --comment kaleem-deploy:${owner} -j REJECT`;
  const mine = rule(`${world.context.project.name}/000001-dead`);
  const theirs = rule('others/000001-dead');
  const { commands } = world.context;
  await firewall.commands(commands).run(['iptables-restore', '--noflush'], {
    input: `*filter\n-I INPUT 1 ${mine}\n-I INPUT 1 ${theirs}\nCOMMIT\n`,
    timeoutMs: 1_000,
  });
  await deploy(fencedSession(), to('v2'));
  expect(firewall.rules()).toEqual([`filter -A INPUT ${theirs}`]);
});
