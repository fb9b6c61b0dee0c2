import { describe, expect, it } from 'vitest';
import type { App } from '../../../src/deploy/app.ts';
import { DeployError } from '../../../src/errors.ts';
import type { LockHolder, LockStatus } from '../../../src/operation/lock.ts';
import { deployed, record } from './fixtures.ts';
import { type Run, run } from './support.ts';

const ID = 'ci-run-17';
const done = { ...record, requestId: ID };
const free: LockStatus = { held: false, holder: null, pid: null };
const holder: LockHolder = {
  ...{ pid: 42, operation: '000004-cd34', kind: 'deploy', who: 'omar@web', requestId: ID },
  ...{ since: '2026-03-01T11:59:00.000Z', runner: '0123456789abcdef' },
};
const held = (given: Partial<LockHolder> = {}): LockStatus => ({
  held: true,
  holder: { ...holder, ...given },
  pid: 42,
});

const deploy = (app: Partial<App>, ...argv: readonly string[]): Promise<Run> =>
  run(['deploy', 'v0.0.2', '--request-id', ID, ...argv], { app: { lockStatus: async () => free, ...app } });

describe('a command with --request-id', () => {
  it('is done when nothing was asked for under that name, and remembers it', async () => {
    let asked: string | null = null;
    const { exitCode, out } = await run(['deploy', 'v0.0.2', '--request-id', ID], {
      app: ({ requestId }) => ({
        lockStatus: async () => held({ requestId: 'another' }),
        history: async () => [record],
        deploy: async () => {
          asked = requestId;
          return deployed;
        },
      }),
    });
    expect({ exitCode, asked }).toEqual({ exitCode: 0, asked: ID });
    expect(out).toMatch(/^v0\.0\.2 is live/);
  });

  it('is not done again: it is said how it ended, with that exit code', async () => {
    const app = { history: async () => [record, done] };
    expect(await deploy(app)).toEqual({
      ...{ exitCode: 0, err: '' },
      out: 'it was done before: deploy v0.0.2: succeeded, 2 min ago, took 14.0s\n',
    });
    expect(JSON.parse((await deploy(app, '--json')).out)).toEqual({ running: false, lastOperation: done });
  });

  it('that failed is told with its error', async () => {
    const error = { code: 'rolled-back', message: 'v0.0.2 was bad', hint: 'look at its logs' };
    const app = { history: async () => [{ ...done, outcome: 'rolled-back' as const, exitCode: 20, error }] };
    expect(await deploy(app)).toEqual({
      ...{ exitCode: 20, out: '' },
      err: 'error: v0.0.2 was bad\nhint: look at its logs\n',
    });
    expect(JSON.parse((await deploy(app, '--json')).out)).toEqual({ error: { ...error, details: [] }, exitCode: 20 });
  });

  it.each([
    [null, 'recover finishes or undoes it'],
    ['rolled-back', 'status says what is live since it was recovered'],
  ] as const)('whose process died is told so, with what to do (%s)', async (outcome, hint) => {
    const { exitCode, err } = await deploy({ history: async () => [{ ...done, outcome, exitCode: null }] });
    expect(exitCode).toBe(1);
    expect(err).toBe(`error: the process that ran deploy ${done.id} died\nhint: kaleem-deploy ${hint}\n`);
  });

  it.each([
    [{ history: async () => [{ ...done, subject: 'v0.0.1' }] }, 'deploy 000003-ab12 (v0.0.1)'],
    [{ history: async () => [{ ...done, kind: 'rollback' as const }] }, 'rollback 000003-ab12 (v0.0.2)'],
  ])('is refused when the name was that of something else: %#', async (app, was) => {
    const { exitCode, err } = await deploy(app);
    expect(exitCode).toBe(2);
    expect(err).toContain(`error: --request-id ${ID} was given to something else before: ${was}\nhint: `);
  });

  it('is not done where a dry run asks', async () => {
    const { exitCode } = await deploy(
      { history: async () => [done], plan: async () => Promise.reject(new DeployError('not-found', 'planned')) },
      '--dry-run',
    );
    expect(exitCode).toBe(12);
  });

  it.each(['locked', 'done-before'] as const)(
    'that came twice at once answers as the first one did (%s)',
    async (code) => {
      const histories = [[], [done]];
      const app = {
        history: async () => histories.shift() ?? [],
        deploy: async () => Promise.reject(new DeployError(code, 'too late', { hint: 'wait' })),
      };
      expect(await deploy(app)).toMatchObject({ exitCode: 0, err: '' });
      // Somebody else's operation has the project.
      expect(await deploy({ ...app, history: async () => [record] })).toMatchObject({
        exitCode: 11,
        err: 'error: too late\nhint: wait\n',
      });
    },
  );

  it('is answered although something else began while it was looked for', async () => {
    const locks = [held(), held({ requestId: null })];
    const app = { lockStatus: async () => locks.shift() ?? free, history: async () => [done] };
    expect(await deploy(app)).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^it was done before/) });
  });

  it.each(['', '-x', 'a b', 'ä', 'x'.repeat(65)])('is refused with a name like %j', async (id) => {
    const { exitCode, err } = await run(['v0.0.2', `--request-id=${id}`]);
    expect(exitCode).toBe(2);
    expect(err).toContain('Expected 1 to 64 letters, digits, dots, dashes and underscores.');
  });
});

describe.each(['attach', 'abort'])('%s with --request-id', (verb) => {
  it.each([
    ["somebody else's operation runs", held({ requestId: null }), [record]],
    ['what has the lock does not answer', { held: true, holder: null, pid: 42 }, [record]],
    ['nothing runs', free, []],
  ] as const)('leaves alone what it is not about: %s', async (_, lock, history) => {
    const app = { lockStatus: async () => lock, history: async () => history };
    expect(await run([verb, '--request-id', ID], { app })).toMatchObject({
      exitCode: 3,
      out: `nothing runs; nothing was asked for as ${ID}\n`,
    });
  });
});
