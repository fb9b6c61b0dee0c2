import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inOperation, type Work } from '../../../src/deploy/operate.ts';
import { DeployError, type ErrorCode } from '../../../src/errors.ts';
import { readLockHolder } from '../../../src/operation/lock.ts';
import { createWorld, failureOf, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld({ running: false });
});
afterEach(() => world.remove());

const operate = <T>(work: Partial<Work<string, T>>, session = world.session) =>
  inOperation(
    session,
    { kind: 'deploy', subject: (prepared: string) => prepared },
    {
      prepare: async () => 'v2',
      run: async () => {
        throw new Error('not expected to run');
      },
      ...work,
    },
  );

const holder = () => {
  const { engine, project } = world.context;
  return readLockHolder({ engineId: engine.id, project: project.name });
};

const stateExists = () =>
  stat(join(world.directory, '.kaleem')).then(
    () => true,
    () => false,
  );

test('what succeeds is in the history, with the steps it took, and the lock is free again', async () => {
  const steps = await operate({
    run: async ({ progress }, scope) => {
      await progress.step('do it', async (step) => step.summary('done'));
      expect(await holder()).toMatchObject({ held: true, holder: { kind: 'deploy', operation: scope.operation.id } });
      return scope.steps;
    },
  });
  expect(steps).toMatchObject([{ title: 'do it', summary: 'done' }]);
  expect(await world.history()).toMatchObject([{ kind: 'deploy', subject: 'v2', outcome: 'succeeded', exitCode: 0 }]);
  expect((await holder()).held).toBe(false);
});

test.each<[ErrorCode, string, number]>([
  ['rolled-back', 'rolled-back', 20],
  ['interrupted', 'interrupted', 130],
  ['pull-failed', 'refused', 12],
  ['backup-failed', 'failed', 30],
  ['backup-invalid', 'failed', 31],
  ['restore-failed', 'failed', 20],
  ['halted', 'halted', 21],
])('an operation that ends with %s is recorded as %s, exit code %i', async (code, outcome, exitCode) => {
  const error = new DeployError(code, 'it went wrong', { hint: 'look' });
  const thrown = await failureOf(
    operate({
      run: async () => {
        throw error;
      },
    }),
  );
  expect(thrown).toBe(error);
  expect(await world.history()).toMatchObject([
    { outcome, exitCode, error: { code, message: 'it went wrong', hint: 'look' } },
  ]);
  expect((await holder()).held).toBe(false);
});

test('what is no DeployError is a bug of ours', async () => {
  const error = await failureOf(
    operate({
      run: async () => {
        throw new TypeError('x is undefined');
      },
    }),
  );
  expect(error).toMatchObject({ code: 'bug', message: 'x is undefined' });
  expect(await world.history()).toMatchObject([{ outcome: 'failed', exitCode: 1 }]);
});

describe('before anything is touched', () => {
  const refuse = async (): Promise<never> => {
    throw new DeployError('image-not-found', 'there is no v2');
  };

  test('a refusal makes no state, no record, and keeps no lock', async () => {
    expect((await failureOf(operate({ prepare: refuse }))).code).toBe('image-not-found');
    expect(await stateExists()).toBe(false);
    expect((await holder()).held).toBe(false);
  });

  test('Ctrl-C is told from a refusal', async () => {
    const prepare = async (): Promise<never> => {
      world.abort();
      return refuse();
    };
    const error = await failureOf(operate({ prepare }));
    expect(error).toMatchObject({ code: 'interrupted-before', message: 'interrupted before anything was touched' });
    expect(await stateExists()).toBe(false);
  });

  test('an operation meanwhile is refused, and does not end the one that runs', async () => {
    await operate({
      run: async () => {
        expect((await failureOf(operate({}, world.another()))).code).toBe('locked');
        expect((await holder()).held).toBe(true);
      },
    });
    expect(await world.history()).toHaveLength(1);
  });

  test('what has been done under the same name is not done again, and what died is recovered first', async () => {
    const named = () => {
      const session = world.another();
      return { ...session, options: { ...session.options, requestId: 'ci-17' } };
    };
    expect(await operate({ run: async () => 'done' }, named())).toBe('done');
    const error = await failureOf(operate({}, named()));
    expect(error).toMatchObject({
      code: 'done-before',
      message: expect.stringMatching(/^ci-17 has been done: deploy 000001-/),
    });
    expect(await world.history()).toMatchObject([{ requestId: 'ci-17', outcome: 'succeeded' }]);
  });

  test('after a halt nothing is even prepared', async () => {
    await failureOf(
      operate({
        run: async () => {
          throw new DeployError('halted', 'between two versions');
        },
      }),
    );
    let prepared = false;
    const prepare = async () => {
      prepared = true;
      return 'v3';
    };
    const error = await failureOf(operate({ prepare }, world.another()));
    expect(error.code).toBe('halted-earlier');
    expect(error.message).toContain('halted: between two versions');
    expect(prepared).toBe(false);
    expect((await holder()).held).toBe(false);
  });
});
