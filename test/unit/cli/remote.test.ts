import { describe, expect, it } from 'vitest';
import { parse } from '../../../src/cli/parse.ts';
import { stripHost } from '../../../src/cli/strip-host.ts';
import { run } from './support.ts';

const strip = (...argv: readonly string[]): readonly string[] => {
  const parsed = parse(argv);
  if (parsed.type !== 'run') throw new Error('it was text');
  return stripHost(argv, parsed.scheduled);
};

describe('--host', () => {
  it.each([
    [['--host', 'prod', 'v0.0.2'], ['v0.0.2']],
    [['v0.0.2', '--host=prod'], ['v0.0.2']],
    [
      ['deploy', 'v0.0.2', '--host', 'prod', '--image', 'A=v1'],
      ['deploy', 'v0.0.2', '--image', 'A=v1'],
    ],
    [
      ['-c', 'x.yml', 'backup', '--host', 'prod', 'list', '-d', 'staging'],
      ['-c', 'x.yml', 'backup', 'list', '-d', 'staging'],
    ],
    [
      ['--host', 'prod', 'logs', '-f', '--', '--host'],
      ['logs', '-f', '--', '--host'],
    ],
    [['--host', 'a', '--host', 'prod', 'status'], ['status']],
  ])('is taken away from %j', (argv, left) => {
    expect(strip(...argv)).toEqual(left);
  });

  it.each([
    [['--config', '--host', '--host', 'prod', 'status']],
    [['backup', 'pin', '12', '--reason', '--host=x', '--host', 'prod']],
  ])('is not guessed at where a value looks like it: %j', (argv) => {
    expect(() => strip(...argv)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each([
    [['--host', '-x', 'status'], "'-x' is not the name of a host"],
    [['--host', '', 'status'], 'It is empty'],
    [['--host', 'prod', 'init'], 'not with --host: init writes a file'],
    [['--host', 'prod', 'backup', 'restore', '12'], 'there is no terminal to ask on'],
    [['--host', 'prod', 'no such tag'], 'tag'],
    [['setup'], 'setup prepares another host: which one?'],
    [['setup', '--host', 'prod', '-c', 'x.yml'], 'setup takes no --config'],
    [['setup', '--host', 'prod', '--directory', '/etc/shop'], "'/etc/shop' is no folder for a project"],
    [['setup', '--host', 'prod', '--account', 'root'], "'root' is not the name of an account"],
  ])('is exit 2 and connects to nothing: %j', async (argv, message) => {
    const { exitCode, out, err } = await run(argv, { env: { PATH: '' } });
    expect(err).toContain(message);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  });

  it('sends no program that runs from its sources', async () => {
    const { exitCode, err } = await run(['setup', '--host', 'prod'], { env: { PATH: '', HOME: '/nowhere' } });
    expect(exitCode).toBe(12);
    expect(err).toContain('hint: npm run build');
  });

  it('is exit 40 where there is no ssh to ask, as JSON too', async () => {
    const { exitCode, out } = await run(['--host', 'prod', 'status', '--json'], { env: { PATH: '/nowhere' } });
    expect(exitCode).toBe(40);
    expect(JSON.parse(out)).toMatchObject({
      error: { code: 'remote-unreachable', hint: 'sudo apt-get install openssh-client' },
      exitCode: 40,
    });
  });
});
