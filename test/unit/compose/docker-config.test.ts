import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mergeCredentials, registryAuth, withCredentials } from '../../../src/compose/docker-config.ts';
import type { CommandRunner, RunOptions } from '../../../src/system/command.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'kaleem-home-'));
  await mkdir(join(home, '.docker', 'contexts'), { recursive: true });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const writeConfig = (config: unknown) => writeFile(join(home, '.docker', 'config.json'), JSON.stringify(config));

/** Stands for the credential helpers of the machine. */
const helpers = (answers: Readonly<Record<string, string>>) => {
  const asked: { argv: readonly string[]; options: RunOptions }[] = [];
  const commands: CommandRunner = {
    run: async (argv, options) => {
      asked.push({ argv, options });
      const stdout = answers[argv[0] ?? ''];
      return { exitCode: stdout === undefined ? 1 : 0, stdout: stdout ?? '', stderr: '', timedOut: false };
    },
  };
  return { commands, asked };
};
const registries = [{ server: 'ghcr.io', username: 'bot', password: 'p:w' }];
const ask = (registry: string, commands = helpers({}).commands, configured: typeof registries = []) =>
  registryAuth(registry, { environment: { HOME: home }, commands, registries: configured });

describe('who we are to a registry', () => {
  test('is what `docker login` left in the file, Docker Hub under its old name', async () => {
    await writeConfig({
      auths: {
        'ghcr.io': { auth: base64('me:a:b') },
        'https://index.docker.io/v1/': { auth: base64('hub:x') },
        'https://old.io/v2/': { auth: base64('o:p') },
      },
    });
    expect(await ask('ghcr.io')).toEqual({ serveraddress: 'ghcr.io', username: 'me', password: 'a:b' });
    expect(await ask('docker.io')).toEqual({
      serveraddress: 'https://index.docker.io/v1/',
      username: 'hub',
      password: 'x',
    });
    expect(await ask('old.io')).toMatchObject({ username: 'o', password: 'p' });
    expect(await ask('quay.io')).toBeNull();
  });

  test('is the token where there is one', async () => {
    await writeConfig({ auths: { 'x.io': { auth: base64('00000000:'), identitytoken: 'tok' } } });
    expect(await ask('x.io')).toEqual({ serveraddress: 'x.io', identitytoken: 'tok' });
  });

  test("is the config's before the file's", async () => {
    await writeConfig({ auths: { 'ghcr.io': { auth: base64('me:x') } } });
    expect(await ask('ghcr.io', undefined, registries)).toEqual({
      serveraddress: 'ghcr.io',
      username: 'bot',
      password: 'p:w',
    });
  });

  test('is asked of the credential helper, over stdin', async () => {
    await writeConfig({ auths: { 'ghcr.io': {} }, credsStore: 'pass', credHelpers: { 'ecr.io': 'ecr-login' } });
    const { commands, asked } = helpers({
      'docker-credential-pass': JSON.stringify({ Username: 'u', Secret: 's' }),
      'docker-credential-ecr-login': JSON.stringify({ Username: '<token>', Secret: 't' }),
    });
    expect(await ask('ghcr.io', commands)).toEqual({ serveraddress: 'ghcr.io', username: 'u', password: 's' });
    expect(await ask('ecr.io', commands)).toEqual({ serveraddress: 'ecr.io', identitytoken: 't' });
    expect(asked.map(({ argv, options }) => [argv, options.input])).toEqual([
      [['docker-credential-pass', 'get'], 'ghcr.io'],
      [['docker-credential-ecr-login', 'get'], 'ecr.io'],
    ]);
  });

  test('is nobody when the helper has nothing, answers nonsense, or the file is damaged', async () => {
    await writeConfig({ credsStore: 'none' });
    expect(await ask('ghcr.io')).toBeNull();
    expect(await ask('ghcr.io', helpers({ 'docker-credential-none': 'what?' }).commands)).toBeNull();
    await writeFile(join(home, '.docker', 'config.json'), '{');
    expect(await ask('ghcr.io')).toBeNull();
  });
});

describe('configured credentials', () => {
  test("are beside the user's own in a private directory, which is gone afterwards, whatever happens", async () => {
    await writeConfig({ auths: { 'x.io': { auth: 'keep' } }, currentContext: 'remote' });
    let directory = '';
    const use = withCredentials({ environment: { HOME: home, PATH: '/bin' }, registries }, async (environment) => {
      directory = environment.DOCKER_CONFIG ?? '';
      expect(environment.PATH).toBe('/bin');
      expect((await stat(directory)).mode & 0o777).toBe(0o700);
      expect((await stat(join(directory, 'config.json'))).mode & 0o777).toBe(0o600);
      expect((await readdir(directory)).sort()).toEqual(['config.json', 'contexts']);
      expect(JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'))).toEqual({
        auths: { 'x.io': { auth: 'keep' }, 'ghcr.io': { auth: base64('bot:p:w') } },
        currentContext: 'remote',
      });
      throw new Error('the pull failed');
    });
    await expect(use).rejects.toThrow('the pull failed');
    await expect(stat(directory)).rejects.toThrow(/ENOENT/);
    expect(await readdir(join(home, '.docker'))).toContain('contexts');
  });

  test('without any, the environment is the same', async () => {
    const environment = { HOME: home };
    expect(await withCredentials({ environment, registries: [] }, async (given) => given)).toBe(environment);
  });

  test('go before a credential store', () => {
    expect(
      mergeCredentials({ credsStore: 'pass' }, [{ server: 'https://docker.io', username: 'u', password: 'p' }]),
    ).toEqual({
      credsStore: 'pass',
      auths: { 'https://index.docker.io/v1/': { auth: base64('u:p') } },
      credHelpers: { 'https://index.docker.io/v1/': '' },
    });
  });
});
