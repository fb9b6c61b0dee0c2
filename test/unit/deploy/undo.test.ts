import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { carryOut, deploy } from '../../../src/deploy/deploy.ts';
import { inOperation } from '../../../src/deploy/operate.ts';
import { planRollback } from '../../../src/deploy/plan-rollback.ts';
import { type Prepared, prepare } from '../../../src/deploy/prepare.ts';
import { recover } from '../../../src/deploy/recover.ts';
import type { DeployRequest } from '../../../src/deploy/requests.ts';
import { startRun } from '../../../src/deploy/run.ts';
import { DeployError } from '../../../src/errors.ts';
import { API, allRunning, createWorld, failureOf, RESTART_POLICIES, type World } from './world.ts';

const to = (tag: string): DeployRequest => ({ tag, images: {}, upgrade: [], restartAll: false });

let world: World;
afterEach(() => world.remove());

/** Every call behind the fence that changes something, as runbook.test.ts has them in order. */
const BEHIND_THE_FENCE = [
  'restart-policy no api,worker,web',
  'stop worker',
  'stop web',
  'stop api',
  'create api,worker',
  'restart-policy no api',
  'start api',
  'restart-policy no worker',
  'start worker',
  'start web',
  'tag kaleem-deploy/',
];

/** Acts once, at the first call of this name from now on. */
const at = (text: string, moment: 'before' | 'after', act: () => void): void => {
  let done = false;
  world.engine.interfere = (call) => {
    if (done || call.moment !== moment || !call.text.startsWith(text)) return;
    // The old release's images are held before the fence; the new one's at the commit.
    if (text.startsWith('tag ') && !call.text.includes('release-2')) return;
    done = true;
    act();
  };
};

const fail = (): never => {
  throw new DeployError('docker-failed', 'the engine hiccuped');
};

const expectOldGood = async (): Promise<void> => {
  expect(world.running()).toEqual(allRunning(world, 'v1'));
  expect(world.policies()).toEqual(RESTART_POLICIES);
  expect(await world.env()).toBe(`# the shop\nAPI_IMAGE=${API}:v1\nCOLOUR=blue\n`);
  expect((await world.releases()).map(({ tag, status }) => `${tag} ${status}`)).toEqual(['v1 live']);
  await expect(stat(join(world.directory, '.kaleem', 'fence.json'))).rejects.toThrow('ENOENT');
};

describe.each(['before', 'after'] as const)('a failure %s it took effect:', (moment) => {
  test.each(BEHIND_THE_FENCE)('%s', async (text) => {
    world = await createWorld();
    at(text, moment, fail);
    const error = await failureOf(deploy(world.session, to('v2')));
    expect(error.code).toBe('rolled-back');
    expect(error.message).toContain('v2 failed and v1 is live again (database not touched): the engine hiccuped');
    await expectOldGood();
    expect(await world.history()).toMatchObject([{ outcome: 'rolled-back', exitCode: 20 }]);
  });
});

describe('Ctrl-C during', () => {
  test.each(BEHIND_THE_FENCE.slice(0, -1))('%s', async (text) => {
    world = await createWorld();
    at(text, 'after', world.abort);
    const error = await failureOf(deploy(world.session, to('v2')));
    expect(error.code).toBe('interrupted');
    expect(error.message).toContain('v2 was interrupted and v1 is live again');
    await expectOldGood();
    expect(await world.history()).toMatchObject([{ outcome: 'interrupted', exitCode: 130 }]);
  });

  test('the pull: nothing was stopped', async () => {
    world = await createWorld();
    const before = world.engine.all();
    at('pull', 'before', () => {
      world.abort();
      throw world.context.signal.reason;
    });
    expect((await failureOf(deploy(world.session, to('v2')))).code).toBe('interrupted');
    expect(world.engine.all()).toEqual(before);
    await expectOldGood();
  });

  test('the lift: it is committed, and stays', async () => {
    world = await createWorld();
    at('restart-policy always web', 'before', world.abort);
    await deploy(world.session, to('v2'));
    expect(world.running()).toEqual(allRunning(world, 'v2'));
    expect(world.policies()).toEqual(RESTART_POLICIES);
  });
});

test('a pull that fails is a refusal: nothing was stopped', async () => {
  world = await createWorld();
  const before = world.engine.all();
  at('pull', 'before', fail);
  expect((await failureOf(deploy(world.session, to('v2')))).code).toBe('docker-failed');
  expect(world.engine.all()).toEqual(before);
  await expectOldGood();
  expect(await world.history()).toMatchObject([{ outcome: 'refused', exitCode: 12 }]);
});

/** Neither version starts any more. */
const halt = async (): Promise<DeployError> => {
  world.engine.interfere = ({ text, moment }) => {
    if (text === 'start api' && moment === 'before') fail();
  };
  const error = await failureOf(deploy(world.session, to('v2')));
  world.engine.interfere = () => {};
  return error;
};

test('when the undo fails too, it halts: nothing starts by itself, and nothing more is done until a person has looked', async () => {
  world = await createWorld();
  const error = await halt();
  expect(error.code).toBe('halted');
  expect(error.message).toMatch(/^v2 failed \(the engine hiccuped\) and bringing back v1 failed too: /);
  expect(error.details).toContain('writers are stopped');
  expect(world.running()).toMatchObject({
    api: expect.stringMatching(/^created/),
    web: expect.stringMatching(/^exited/),
  });
  expect(world.policies()).toEqual({ ...RESTART_POLICIES, api: 'no', web: 'no', worker: expect.anything() });
  const [halted] = await world.history();
  expect(halted).toMatchObject({ outcome: 'halted', exitCode: 21 });

  const calls = world.engine.calls.length;
  const refused = await failureOf(deploy(world.another(), to('v2')));
  expect(refused.code).toBe('halted-earlier');
  expect(refused.message).toContain(`operation ${halted?.id} (deploy v2`);
  expect(world.engine.calls).toHaveLength(calls);
  expect(await world.history()).toHaveLength(1);

  expect(error.hint).toContain('kaleem-deploy recover');
  expect(error.details.join()).toContain('kaleem-deploy recover --accept');
  expect(refused.hint).toBe('kaleem-deploy recover');
  const { recovered } = await recover(world.another(), { accept: false });
  expect(recovered).toMatchObject([{ operation: halted?.id, outcome: 'rolled-back' }]);
  await expectOldGood();
  await deploy(world.another(), to('v2'));
  expect(world.running()).toEqual(allRunning(world, 'v2'));
});

test('after a halt a person may keep what runs: the fence goes, restart policies come back, nothing else changes', async () => {
  world = await createWorld();
  for (const kind of ['', '-legacy', '-nft']) world.engine.hookExits.set(`iptables${kind}-save`, 4);
  await halt();
  const [halted] = await world.history();
  await world.engine.docker.start(world.engine.all().map(({ id }) => id));
  const before = world.running();
  expect(await recover(world.another(), { accept: true })).toEqual({ recovered: [], accepted: [halted?.id] });
  expect(world.running()).toEqual(before);
  expect(world.policies()).toEqual(RESTART_POLICIES);
  await expect(stat(join(world.directory, '.kaleem', 'fence.json'))).rejects.toThrow('ENOENT');
  expect(await recover(world.another(), { accept: true })).toEqual({ recovered: [], accepted: [] });
});

test('a halt that can not be mended yet stays one that recover takes up again', async () => {
  world = await createWorld();
  await halt();
  world.engine.interfere = ({ text, moment }) => {
    if (text === 'start api' && moment === 'before') fail();
  };
  const error = await failureOf(recover(world.another(), { accept: false }));
  expect(error.code).toBe('halted-earlier');
  expect(error.message).toContain('could not be recovered: the engine hiccuped');
  world.engine.interfere = () => {};
  await recover(world.another(), { accept: false });
  await expectOldGood();
});

test('a lift that fails after the commit leaves the new release live, and recover lets traffic in', async () => {
  world = await createWorld();
  at('restart-policy always web', 'before', fail);
  const error = await failureOf(deploy(world.session, to('v2')));
  expect(error.code).toBe('halted');
  expect(error.message).toBe('v2 is live, but the fence could not be lifted: the engine hiccuped');
  expect(error.hint).toBe('kaleem-deploy recover');
  expect((await world.releases())[0]).toMatchObject({ tag: 'v2', status: 'live' });
  await recover(world.another(), { accept: false });
  expect(world.running()).toEqual(allRunning(world, 'v2'));
  expect(world.policies()).toEqual(RESTART_POLICIES);
  expect(await world.history()).toMatchObject([{ outcome: 'succeeded' }]);
});

/** A killed engine that comes back starts all that has a restart policy, and nothing that is fenced. */
const restartEngine = (): void => {
  for (const each of world.engine.all()) {
    if (each.restartPolicy === 'no') Object.assign(each, { state: 'exited', exitCode: 255 });
  }
};

test('what a restarted engine has left down after the verdict runs again when traffic is let in', async () => {
  world = await createWorld();
  at('tag kaleem-deploy/', 'after', restartEngine);
  await deploy(world.session, to('v2'));
  expect(world.running()).toEqual(allRunning(world, 'v2'));
  expect(world.policies()).toEqual(RESTART_POLICIES);
});

test('so does the old version, when the engine restarts after an undo', async () => {
  world = await createWorld();
  world.engine.behaviours.set(`${API}:v2`, 'exits');
  at('restart-policy always web', 'before', restartEngine);
  expect((await failureOf(deploy(world.session, to('v2')))).code).toBe('rolled-back');
  await expectOldGood();
});

describe('when somebody pruned the digest of the image that runs', () => {
  const prune = async (): Promise<string> => {
    await deploy(world.session, to('v2'));
    world.engine.behaviours.set(`${API}:v3`, 'exits');
    const [api] = world.engine.all().filter(({ service }) => service === 'api');
    const digests = (await world.engine.docker.image(api?.imageId ?? ''))?.repoDigests ?? [];
    for (const digest of digests) await world.engine.docker.untag(digest);
    return api?.image ?? '';
  };
  const imageOfApi = (): string | undefined => world.engine.all().find(({ service }) => service === 'api')?.image;

  test('an undo gives it its name back', async () => {
    world = await createWorld();
    const image = await prune();
    expect((await failureOf(deploy(world.another(), to('v3')))).code).toBe('rolled-back');
    expect(image).toMatch(/:v2@sha256:/);
    expect(imageOfApi()).toBe(image);
    expect(world.running()).toEqual(allRunning(world, 'v2'));
  });

  test('and no registry has it any more, an undo uses our own tag', async () => {
    world = await createWorld();
    await prune();
    world.engine.interfere = ({ text, moment }) => {
      if (text.startsWith(`pull ${API}:v2`) && moment === 'before') fail();
    };
    expect((await failureOf(deploy(world.another(), to('v3')))).code).toBe('rolled-back');
    expect(imageOfApi()).toMatch(/^kaleem-deploy\/.*:release-2-api$/);
    expect(world.running()).toEqual(allRunning(world, 'v2'));
  });
});

test('a commit that fails once the release was live makes the old one live again', async () => {
  world = await createWorld();
  await deploy(world.session, to('v2'));
  const request = { tag: null, withDatabase: false };
  const rollingBack = inOperation(
    world.another(),
    { kind: 'rollback', subject: ({ plan }: Prepared) => plan.tag },
    {
      prepare: (context, state) =>
        prepare(context, state, async (_, old, releases) => planRollback(context, releases, request, await old)),
      run: async (context, scope, prepared) => {
        const releases = { ...scope.releases, update: async () => fail() };
        await carryOut(await startRun(context, { ...scope, releases }, prepared));
      },
    },
  );
  expect((await failureOf(rollingBack)).code).toBe('rolled-back');
  expect(world.running()).toEqual(allRunning(world, 'v2'));
  expect((await world.releases()).map(({ tag, status }) => `${tag} ${status}`)).toEqual(['v2 live', 'v1 good']);
  expect(await world.env()).toContain(`${API}:v2`);
});

test('the old version may take longer than the new one: giving up on it would only leave the fence up', async () => {
  world = await createWorld();
  world.engine.behaviours.set(`${API}:v1`, 'healthy-late');
  world.engine.behaviours.set(`${API}:v2`, 'healthy-late');
  expect(await failureOf(deploy(world.session, to('v2')))).toMatchObject({
    code: 'rolled-back',
    message: expect.stringContaining('is not healthy after 3 s'),
  });
  await expectOldGood();
});

describe('a disk that is full', () => {
  test('in the middle of it is a halt, not a refusal, though no journal can say so', async () => {
    world = await createWorld();
    at('stop api', 'after', world.fillDisk);
    const error = await failureOf(deploy(world.session, to('v2')));
    expect(error.code).toBe('halted');
    expect(world.warnings.at(-1)).toContain('how it ended could not be written down');
    expect(await world.history()).toMatchObject([{ outcome: null, exitCode: null }]);
    await deploy(world.another(), to('v2'));
    expect((await world.history()).map(({ outcome }) => outcome)).toEqual(['succeeded', 'rolled-back']);
    expect(world.running()).toEqual(allRunning(world, 'v2'));
  });

  test('at the very end leaves the release live, and says that a person must look', async () => {
    const hooks = { 'post-deploy': { argv: ['tell'], service: 'api', timeoutMs: 1000 } };
    world = await createWorld({ config: { hooks } });
    at('run api', 'before', world.fillDisk);
    const error = await failureOf(deploy(world.session, to('v2')));
    expect(error.code).toBe('halted');
    expect(error.message).toContain('deploy is done, but that could not be written down');
    expect((await world.releases())[0]).toMatchObject({ tag: 'v2', status: 'live' });
    expect(world.running()).toEqual(allRunning(world, 'v2'));
  });
});
