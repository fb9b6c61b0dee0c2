import { describe, expect, it } from 'vitest';
import { exitCodeMeanings, exitCodes } from '../../../src/cli/exit-codes.ts';
import { DeployError, type ErrorCode } from '../../../src/errors.ts';
import { run } from './support.ts';

describe('exit codes', () => {
  it.each([
    [1, ['bug', 'runner-died']],
    [2, ['usage', 'tag-invalid', 'needs-confirmation']],
    [3, ['check-failed']],
    [10, ['config-invalid', 'config-unsafe', 'compose-invalid', 'env-invalid', 'uri-invalid', 'project-elsewhere']],
    [11, ['locked', 'done-before']],
    [
      12,
      [
        'docker-unreachable',
        'docker-failed',
        'image-not-found',
        'registry-denied',
        'registry-unreachable',
        'pull-failed',
        'disk-full',
        'disk-failed',
        'database-unreachable',
        'database-changed-identity',
        'wrong-architecture',
        'release-not-found',
        'image-not-held',
        'gate-failed-before',
        'hook-failed-before',
        'not-found',
        'unsupported',
        'identity-missing',
        'setup-failed',
      ],
    ],
    [20, ['rolled-back', 'restore-failed']],
    [21, ['halted']],
    [22, ['halted-earlier']],
    [30, ['backup-failed']],
    [31, ['backup-invalid']],
    [40, ['remote-unreachable', 'copy-failed', 'gate-refused']],
    [130, ['interrupted', 'interrupted-before']],
  ])('%i: %j', (code, errors) => {
    expect(
      Object.entries(exitCodes)
        .filter(([, each]) => each === code)
        .map(([name]) => name),
    ).toEqual(errors);
  });

  it('are what the process ends with', async () => {
    for (const [code, exitCode] of Object.entries(exitCodes)) {
      const app = { status: () => Promise.reject(new DeployError(code as ErrorCode, 'no')) };
      expect(await run(['status'], { app })).toMatchObject({ exitCode, out: '' });
    }
  });

  it('are all explained in --help', async () => {
    const { out } = await run(['--help']);
    expect(exitCodeMeanings.map(([code]) => code)).toEqual(
      [0, ...new Set(Object.values(exitCodes))].sort((a, b) => a - b),
    );
    for (const [code, meaning] of exitCodeMeanings)
      expect(out).toContain(`  ${String(code).padStart(3)}  ${meaning}\n`);
  });
});
