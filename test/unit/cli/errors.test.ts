import { describe, expect, it } from 'vitest';
import { DeployError, toDeployError } from '../../../src/errors.ts';
import { run } from './support.ts';

const failing = (error: unknown) => ({ app: { status: () => Promise.reject(error) } });

const gateFailed = new DeployError('rolled-back', 'v0.0.2 did not become healthy; v0.0.1 is live again', {
  details: ['http://localhost:3000/api/health answered 500', 'api | Error: boom\n    at main.js:1'],
  hint: 'kaleem-deploy logs api',
  cause: new Error('500', { cause: 'the application' }),
});

describe('an error', () => {
  it('is message, indented details and hint on stderr', async () => {
    expect(await run(['status'], failing(gateFailed))).toEqual({
      exitCode: 20,
      out: '',
      err: [
        'error: v0.0.2 did not become healthy; v0.0.1 is live again',
        '  http://localhost:3000/api/health answered 500',
        '  api | Error: boom',
        '      at main.js:1',
        'hint: kaleem-deploy logs api',
        '',
      ].join('\n'),
    });
  });

  it('is the one document on stdout with --json', async () => {
    const { exitCode, out, err } = await run(['status', '--json'], failing(gateFailed));
    expect({ exitCode, err }).toEqual({ exitCode: 20, err: '' });
    expect(JSON.parse(out)).toEqual({
      error: {
        code: 'rolled-back',
        message: 'v0.0.2 did not become healthy; v0.0.1 is live again',
        hint: 'kaleem-deploy logs api',
        details: gateFailed.details,
      },
      exitCode: 20,
    });
  });

  it('has no hint line when there is no hint, and null in JSON', async () => {
    const error = new DeployError('locked', 'held');
    expect((await run(['status'], failing(error))).err).toBe('error: held\n');
    expect(JSON.parse((await run(['status', '--json'], failing(error))).out).error.hint).toBeNull();
  });

  it('shows stack and causes with -v, also beside --json', async () => {
    for (const argv of [
      ['status', '-v'],
      ['status', '-v', '--json'],
    ]) {
      const { err } = await run(argv, failing(gateFailed));
      expect(err).toMatch(/DeployError: v0\.0\.2 did not become healthy.*\n {6}at .*errors\.test\.ts/);
      expect(err).toMatch(/caused by:\n {2}Error: 500\n/);
      expect(err).toMatch(/caused by:\n {2}the application\n$/);
    }
  });

  it('does not follow causes in circles', async () => {
    const error = new Error('loop');
    error.cause = error;
    const { err } = await run(['status', '-v'], failing(error));
    expect(err.match(/caused by:/g)).toHaveLength(9);
  });

  it('that nobody foresaw is a bug: exit 1, where to look, no stack', async () => {
    expect(await run(['status'], failing(new TypeError('x is undefined')))).toEqual({
      exitCode: 1,
      out: '',
      err: [
        'error: a bug in kaleem-deploy: x is undefined',
        'hint: type it again with -v for the stack; what was done until then is in /srv/kaleem/.kaleem/operations',
        '',
      ].join('\n'),
    });
  });

  it('that nobody foresaw may be anything at all', async () => {
    expect((await run(['status'], failing('just text'))).err).toContain('a bug in kaleem-deploy: just text');
    expect((await run(['status'], failing(undefined))).err).toContain('a bug in kaleem-deploy: undefined');
  });

  it('before the configuration is known names no place', async () => {
    const { exitCode, err } = await run(['config'], { parts: { loadConfig: () => Promise.reject(new Error('odd')) } });
    expect({ exitCode, err }).toEqual({
      exitCode: 1,
      err: 'error: a bug in kaleem-deploy: odd\nhint: type it again with -v for the stack\n',
    });
  });

  it('of code bug keeps its own hint', async () => {
    const error = new DeployError('bug', 'odd', { hint: 'report it' });
    expect((await run(['status'], failing(error))).err).toBe('error: a bug in kaleem-deploy: odd\nhint: report it\n');
  });

  it('cannot move the cursor of the terminal', async () => {
    const error = new DeployError('rolled-back', 'a\u001b[2Jb', {
      details: ['c\u001b[31md\u0007\te\rf'],
      hint: 'g\u001b]0;h',
    });
    expect((await run(['status'], failing(error))).err).toBe('error: ab\n  cd  e\n  f\nhint: g]0;h\n');
  });

  it('is coloured on a terminal, not with NO_COLOR or a dumb one', async () => {
    const options = { ...failing(new DeployError('locked', 'held')), terminal: true };
    expect((await run(['status'], options)).err).toBe('\u001b[31merror:\u001b[0m held\n');
    expect((await run(['status'], { ...options, env: { NO_COLOR: '1' } })).err).toBe('error: held\n');
    expect((await run(['status'], { ...options, env: { TERM: 'dumb' } })).err).toBe('error: held\n');
    expect((await run(['status'], { ...options, env: { NO_COLOR: '' } })).err).toContain('\u001b[31m');
  });
});

describe('secrets', () => {
  const secrets = ['hunter22', '4321', 'true'];
  const secret = new DeployError('database-unreachable', 'mongodb://app:hunter22@mongo', {
    details: ['hunter22 refused'],
    hint: 'check hunter22',
    cause: new Error('hunter22'),
  });

  it('never leave in an error, its stack or JSON', async () => {
    for (const argv of [['status'], ['status', '-v'], ['status', '--json'], ['status', '--json', '-v']]) {
      const { out, err } = await run(argv, { ...failing(secret), secrets });
      expect(out + err).toContain('[redacted]');
      expect(out + err).not.toContain('hunter22');
    }
  });

  it('that are numbers or keywords do not break JSON', async () => {
    const status = async () => ({ held: true, pid: 4321, who: '4321', is: 'true' });
    const { out } = await run(['lock', 'status', '--json'], { app: { lockStatus: status as never }, secrets });
    expect(JSON.parse(out)).toEqual({ held: true, pid: 4321, who: '[redacted]', is: '[redacted]' });
  });

  it('never leave in progress, notes and warnings', async () => {
    for (const argv of [['status'], ['status', '-v'], ['status', '-q']]) {
      const { out, err } = await run(argv, {
        secrets,
        app: ({ progress, log }) => ({
          status: async () => {
            log.debug('connect hunter22', { uri: 'hunter22', nested: [{ hunter: 'hunter22' }] });
            progress.note('note hunter22');
            progress.warn('warn hunter22');
            await progress.step('step hunter22', async (step) => {
              step.detail('detail hunter22');
              step.summary('summary hunter22');
            });
            throw secret;
          },
        }),
      });
      expect(out + err).toContain('warning: warn [redacted]');
      expect(out + err).not.toContain('hunter22');
    }
  });
});

it('a file that the user may not touch is no bug, and the hint names it', () => {
  const cause = Object.assign(new Error("EACCES: permission denied, open '/srv/x'"), {
    code: 'EACCES',
    path: '/srv/x',
  });
  expect(toDeployError(cause)).toMatchObject({
    code: 'config-unsafe',
    message: "this user has no permission: EACCES: permission denied, open '/srv/x'",
    hint: 'ls -l /srv/x; run this as its owner or as root, or give it away with chown',
  });
  expect(toDeployError(Object.assign(new Error('EACCES'), { code: 'EACCES' })).code).toBe('bug');
});
