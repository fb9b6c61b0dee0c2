import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Config, GateSpec } from '../../../src/config/config.ts';
import { deploy } from '../../../src/deploy/deploy.ts';
import { allRunning, createWorld, failureOf, type World } from './world.ts';

const V2 = { tag: 'v2', images: {}, upgrade: [], restartAll: false };

let world: World;
afterEach(() => world.remove());

const withHooks = async (hooks: Config['hooks']) => {
  world = await createWorld({ config: { hooks } });
};

describe('the pre-deploy hook', () => {
  test('runs on the host with PATH, HOME and the operation, and nothing else of the environment', async () => {
    await withHooks({ 'pre-deploy': { argv: ['check', 'it'], service: null, timeoutMs: 1000 } });
    const { operation } = await deploy(world.session, V2);
    expect(world.engine.hooksRun).toEqual([
      {
        argv: ['check', 'it'],
        env: {
          ...{ PATH: '/usr/bin', HOME: '/root', KALEEM_HOOK: 'pre-deploy', KALEEM_OPERATION: operation },
          ...{ KALEEM_PROJECT: world.context.project.name, KALEEM_DESTINATION: '', KALEEM_TAG: 'v2' },
          ...{ KALEEM_PREVIOUS_TAG: 'v1', KALEEM_BACKUP: '', KALEEM_ERROR: '' },
        },
      },
    ]);
  });

  test('that says no stops the deploy before anything is touched', async () => {
    await withHooks({ 'pre-deploy': { argv: ['check'], service: null, timeoutMs: 1000 } });
    world.engine.hookExits.set('check', 9);
    const before = world.engine.all();
    const error = await failureOf(deploy(world.session, V2));
    expect(error).toMatchObject({ code: 'hook-failed-before', details: ['the hook said no'] });
    expect(error.message).toBe('the pre-deploy hook (check) exited with code 9: the hook said no');
    expect(world.engine.all()).toEqual(before);
    expect(await world.history()).toMatchObject([{ outcome: 'refused', exitCode: 12 }]);
  });
});

test('a hook of a service runs in a container of its own, once the new ones are made and before they start', async () => {
  await withHooks({ migrate: { argv: ['migrate'], service: 'api', timeoutMs: 1000 } });
  const { operation } = await deploy(world.session, V2);
  const { calls } = world.engine;
  expect(calls.indexOf('run api')).toBe(calls.indexOf('create api,worker') + 1);
  expect(world.engine.hooksRun[0]?.env).toMatchObject({ KALEEM_HOOK: 'migrate', KALEEM_OPERATION: operation });
});

describe('what was not well before', () => {
  const gate = (name: string, argv: readonly string[]): GateSpec => ({
    ...{ type: 'command', name, argv, service: null, attempts: 1, intervalMs: 100, timeoutMs: 1000 },
  });

  test('is said, and the old release is not held to it when it comes back', async () => {
    world = await createWorld({ config: { gates: { before: [], after: [gate('typo', ['typo'])] } } });
    world.engine.hookExits.set('typo', 7);
    const error = await failureOf(deploy(world.session, V2));
    expect(error.code).toBe('rolled-back');
    expect(error.message).toContain('gate typo failed');
    expect(world.warnings[0]).toMatch(/^gate typo does not pass now, before the deploy: /);
    expect(world.running()).toEqual(allRunning(world, 'v1'));
  });

  test('a gate that the old release passed, it must pass again', async () => {
    world = await createWorld({ config: { gates: { before: [], after: [gate('well', ['well'])] } } });
    world.engine.interfere = ({ text }) => {
      if (text === 'create api,worker') world.engine.hookExits.set('well', 7);
    };
    const error = await failureOf(deploy(world.session, V2));
    expect(error.code).toBe('halted');
    expect(world.warnings.filter((text) => text.includes('before the deploy'))).toEqual([]);
  });

  test('a gate before the deploy that fails refuses it', async () => {
    world = await createWorld({ config: { gates: { before: [gate('quiet', ['quiet'])], after: [] } } });
    world.engine.hookExits.set('quiet', 1);
    const error = await failureOf(deploy(world.session, V2));
    expect(error.code).toBe('gate-failed-before');
    expect(world.running()).toEqual(allRunning(world, 'v1'));
    await expect(stat(join(world.directory, '.kaleem', 'fence.json'))).rejects.toThrow('ENOENT');
  });
});
