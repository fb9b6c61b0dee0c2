import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { passGates } from '../../../src/deploy/gates.ts';
import { lastWords } from '../../../src/deploy/last-words.ts';
import { API, createWorld, failureOf, type World } from './world.ts';

const api = { id: 'abc', service: 'api' };

const docker = (checks: readonly unknown[], lines: readonly string[]) => ({
  inspect: async () => [{ State: { Health: { Log: checks } } }],
  logs: async () => lines,
});

describe('the last words of a container', () => {
  test('are what its health check answered last, and its last lines', async () => {
    const checks = [
      { ExitCode: 0, Output: '200 fine' },
      { ExitCode: 1, Output: '500 {"status":"error"}\nmongodb: down\n' },
    ];
    expect(await lastWords({ docker: docker(checks, ['listening', 'mongodb: down']) }, api)).toEqual([
      'health check of api: exit code 1',
      ...['  500 {"status":"error"}', '  mongodb: down'],
      'last lines of api:',
      ...['  listening', '  mongodb: down'],
    ]);
  });

  test('leave out a health check that succeeded, and say so where there are no lines', async () => {
    expect(await lastWords({ docker: docker([{ ExitCode: 0, Output: '200 fine' }], []) }, api)).toEqual([
      'last lines of api: none',
    ]);
    expect(await lastWords({ docker: docker([], ['one']) }, api)).toEqual(['last lines of api:', '  one']);
  });

  test('are fewer when the engine does not say, and that is no error of its own', async () => {
    const gone = () => Promise.reject(new Error('no such container'));
    expect(await lastWords({ docker: { inspect: gone, logs: gone } }, api)).toEqual(['last lines of api: none']);
  });
});

describe('a gate that fails', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(() => world.remove());

  test('shows what the health check of a suspect said', async () => {
    world.engine.behaviours.set(`${API}:v1`, 'never-healthy');
    const ids = world.engine.all().map(({ id }) => id);
    await world.context.docker.kill(ids);
    await world.context.docker.start(ids);
    const { inspect } = docker([{ ExitCode: 1, Output: '503 starting' }], []);
    const context = { ...world.context, docker: { ...world.context.docker, inspect } };
    const error = await failureOf(
      passGates(
        context,
        [],
        { imageIds: {}, running: ['api'] },
        {
          ...{ suspects: ['api'], stabilityMs: 0, title: 'verify', code: 'check-failed' },
        },
      ),
    );
    expect(error.message).toContain('gate container api failed');
    expect(error.details).toEqual(expect.arrayContaining(['health check of api: exit code 1', '  503 starting']));
  });
});
