import { afterEach, expect, test } from 'vitest';
import { deploy, rollback } from '../../../src/deploy/deploy.ts';
import type { DeployRequest } from '../../../src/deploy/requests.ts';
import { API, allRunning, createWorld, failureOf, RESTART_POLICIES, type World } from './world.ts';

const to = (tag: string): DeployRequest => ({ tag, images: {}, upgrade: [], restartAll: false });

let world: World;
afterEach(() => world.remove());

const intents = async () => (await world.journal()).filter(({ type }) => type === 'intent').map(({ step }) => step);

test('takes a running stack over: stops, creates, starts, commits, and only then lets the restart policies go', async () => {
  world = await createWorld();
  const before = world.engine.calls.length;
  const result = await deploy(world.session, to('v2'));
  expect(result).toMatchObject({ kind: 'deploy', tag: 'v2', release: 2, previous: 'v1', database: 'untouched' });
  expect(world.running()).toEqual(allRunning(world, 'v2'));
  expect(world.policies()).toEqual(RESTART_POLICIES);
  expect(await intents()).toEqual([
    'image.pull',
    'restart-policy.hold',
    ...['containers.stop', 'containers.stop'],
    'containers.create',
    ...['restart-policy.hold', 'containers.start'],
    ...['restart-policy.hold', 'containers.start'],
    'containers.start',
    'commit',
    ...['restart-policy.release', 'restart-policy.release', 'restart-policy.release'],
  ]);
  const calls = world.engine.calls.slice(before).filter((call) => !call.startsWith('tag '));
  expect(calls.slice(1, 12)).toEqual([
    'restart-policy no api,worker,web',
    ...['stop worker', 'stop web', 'stop api'],
    'create api,worker',
    ...['restart-policy no api', 'start api', 'restart-policy no worker', 'start worker'],
    // Nobody reaches the new version through the edge before the gates have passed.
    'start web',
    'restart-policy always web',
  ]);
  expect(await world.env()).toBe(`# the shop\nAPI_IMAGE=${API}:v2\nCOLOUR=blue\n`);
  expect((await world.releases()).map(({ tag, status, origin }) => `${tag} ${status} ${origin}`)).toEqual([
    'v2 live deployed',
    'v1 good adopted',
  ]);
  expect(await world.history()).toMatchObject([{ kind: 'deploy', subject: 'v2', outcome: 'succeeded', exitCode: 0 }]);
});

test('the edge starts after the gates of what is behind it, and is verified with the rest', async () => {
  world = await createWorld();
  await deploy(world.session, to('v2'));
  const { steps } = world;
  const at = (title: string) => steps.indexOf(title);
  expect(at('verify v2 before the edge opens')).toBeGreaterThan(at('start v2'));
  expect(at('start the edge (web)')).toBe(at('verify v2 before the edge opens') + 1);
  expect(at('verify v2')).toBe(at('start the edge (web)') + 1);
  expect(at('lift the fence')).toBeGreaterThan(at('commit the release'));
});

test('the first deploy of a folder starts everything', async () => {
  world = await createWorld({ running: false });
  const result = await deploy(world.session, to('v1'));
  expect(result).toMatchObject({ release: 1, previous: null, downtimeMs: null });
  expect(world.running()).toEqual(allRunning(world, 'v1'));
  expect(world.policies()).toEqual(RESTART_POLICIES);
});

test('a first deploy that fails leaves no container and no release', async () => {
  world = await createWorld({ running: false });
  world.engine.behaviours.set(`${API}:v2`, 'exits');
  const error = await failureOf(deploy(world.session, to('v2')));
  expect(error.code).toBe('rolled-back');
  expect(error.message).toContain('everything this deploy started is removed again');
  expect(world.engine.all()).toEqual([]);
  expect(await world.releases()).toEqual([]);
});

test('deploying what is live already fences nothing and makes no release', async () => {
  world = await createWorld();
  await deploy(world.session, to('v2'));
  const before = world.engine.calls.length;
  await deploy(world.another(), to('v2'));
  expect(world.engine.calls.slice(before).filter((call) => /^(stop|start|create|kill|restart)/.test(call))).toEqual([]);
  expect(await world.releases()).toHaveLength(2);
});

test.each([
  ['exits', 'api exited with code 1'],
  ['never-healthy', 'api is not healthy after 3 s (starting)'],
] as const)('a version that %s is replaced by the old one', async (behaviour, why) => {
  world = await createWorld();
  world.engine.behaviours.set(`${API}:v2`, behaviour);
  const error = await failureOf(deploy(world.session, to('v2')));
  expect(error.code).toBe('rolled-back');
  expect(error.message).toBe(`v2 failed and v1 is live again (database not touched): ${why}`);
  expect(error.details).toContain('  api says goodbye');
  expect(world.running()).toEqual(allRunning(world, 'v1'));
  expect(world.policies()).toEqual(RESTART_POLICIES);
  expect(await world.history()).toMatchObject([{ outcome: 'rolled-back', exitCode: 20 }]);
});

test('rollback goes to the last good release, and marks the one it left as bad', async () => {
  world = await createWorld();
  await deploy(world.session, to('v2'));
  const result = await rollback(world.another(), { tag: null, withDatabase: false });
  expect(result).toMatchObject({ kind: 'rollback', tag: 'v1', previous: 'v2' });
  expect(world.running()).toEqual(allRunning(world, 'v1'));
  expect(await world.env()).toContain(`API_IMAGE=${API}:v1\n`);
  expect((await world.releases()).map(({ tag, status }) => `${tag} ${status}`)).toEqual([
    'v1 live',
    'v2 bad',
    'v1 good',
  ]);
});

test('the migrate hook runs before the new writers start, and its failure is undone', async () => {
  const hooks = { migrate: { argv: ['migrate'], service: 'api', timeoutMs: 1000 } };
  world = await createWorld({ config: { hooks } });
  world.engine.hookExits.set('migrate', 3);
  const error = await failureOf(deploy(world.session, to('v2')));
  expect(error.message).toContain('the migrate hook (migrate) exited with code 3: the hook said no');
  const steps = await intents();
  expect(steps.indexOf('hook.migrate')).toBe(steps.indexOf('containers.create') + 1);
  expect(world.running()).toEqual(allRunning(world, 'v1'));
});

test('the failed hook hears why; its own failure changes nothing', async () => {
  const hooks = { failed: { argv: ['tell'], service: null, timeoutMs: 1000 } };
  world = await createWorld({ config: { hooks } });
  world.engine.behaviours.set(`${API}:v2`, 'exits');
  world.engine.hookExits.set('tell', 1);
  const error = await failureOf(deploy(world.session, to('v2')));
  expect(error.code).toBe('rolled-back');
  expect(world.engine.hooksRun[0]?.env).toMatchObject({
    ...{ KALEEM_HOOK: 'failed', KALEEM_TAG: 'v2', KALEEM_PREVIOUS_TAG: 'v1', KALEEM_BACKUP: '' },
    KALEEM_ERROR: 'api exited with code 1',
  });
  expect(world.warnings.at(-1)).toContain('the failed hook (tell) exited with code 1');
});

test('a post-deploy hook that fails is a warning: the release is live', async () => {
  const hooks = { 'post-deploy': { argv: ['tell'], service: null, timeoutMs: 1000 } };
  world = await createWorld({ config: { hooks } });
  world.engine.hookExits.set('tell', 1);
  await deploy(world.session, to('v2'));
  expect(world.warnings.at(-1)).toMatch(/the post-deploy hook .* \(the release is live all the same\)/);
});
