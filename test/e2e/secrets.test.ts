import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { start } from '../support/command.ts';
import { docker } from '../support/docker.ts';
import { expectExit } from '../support/expectations.ts';
import { freePort } from '../support/free-port.ts';
import { type ArgvSampler, type ArgvSamples, startArgvSampler } from './secrets/argv-sampler.ts';
import { mayHoldSecrets, searchFiles } from './secrets/search-files.ts';
import { foundIn } from './secrets/sentinels.ts';
import { makeStackWithSecrets, type StackWithSecrets } from './secrets/stack-with-secrets.ts';

describe('a secret', () => {
  let home: string;
  let deadPort: number;
  let world: StackWithSecrets;
  let sampler: ArgvSampler | null = null;
  let samples: ArgvSamples;

  /** Runs it, and nothing that it prints may have a secret in it. */
  const run = async (code: number, ...argv: readonly string[]): Promise<string> => {
    const outcome = await start([process.execPath, process.env.KALEEM_TEST_CLI ?? '', ...argv], {
      ...{ cwd: world.stack.directory, env: world.environment, timeoutMs: 180_000 },
    }).ended;
    const said = `${outcome.stdout}\n${outcome.stderr}`;
    expect([argv.join(' '), foundIn(said, world.sentinels)]).toEqual([argv.join(' '), []]);
    expectExit(outcome, code);
    return said;
  };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'kaleem-secrets-'));
    deadPort = await freePort();
    world = await makeStackWithSecrets(home, deadPort);
    sampler = startArgvSampler();
  });
  afterAll(async () => {
    await sampler?.stop();
    await world?.stack.cleanup();
    await rm(home, { recursive: true, force: true });
  });

  it('is not in what a good deploy says, whatever hooks print', async () => {
    const said = await run(0, 'v0.0.1', '-v');
    // The hook has printed the env file: what was said would show a secret if it could.
    expect(said).toContain('DEPLOY_TOKEN=[redacted]');
    await run(0, 'v0.0.2', '--json', '-v');
  });

  it('is not in what a failing deploy says', async () => {
    await run(20, 'v0.0.4-exit', '-v');
    const config = await world.stack.read('kaleem-deploy.yml');
    const { hooks, ...rest } = JSON.parse(config) as { readonly hooks: object };
    const migrate = { run: ['sh', '-c', 'env; env >&2; exit 4'], service: 'api' };
    await world.stack.write('kaleem-deploy.yml', JSON.stringify({ ...rest, hooks: { ...hooks, migrate } }));
    await run(20, 'v0.0.5', '--json', '-v');
    await world.stack.write('kaleem-deploy.yml', config);
  });

  it.each(['config', 'health', 'status', 'doctor', 'images', 'releases', 'history', 'lock status', 'backup list'])(
    'is not in what %s says',
    async (verb) => {
      await run(0, ...verb.split(' '));
      await run(0, ...verb.split(' '), '--json', '-v');
    },
  );

  it('is not in what a backup and a plan say', async () => {
    await run(0, 'backup', 'create', '--json', '-v');
    await run(0, 'v0.0.5', '--dry-run', '--json', '-v');
  });

  it('is not in errors about the place it was written in', async () => {
    const { stack, refusedUri, sentinels } = world;
    const env = await stack.read('.env');
    const tryWith = async (name: string, value: string, code: number, ...argv: readonly string[]) => {
      await stack.setVariable(name, value);
      await run(code, ...argv, '-v');
      await run(code, ...argv, '-v', '--json');
      await stack.write('.env', env);
    };
    const secret = sentinels.find(({ name }) => name.startsWith('password of MONGODB'))?.value ?? '';
    await tryWith('MONGODB_URI', refusedUri, 12, 'v0.0.5');
    await tryWith('MONGODB_URI', refusedUri, 3, 'health');
    await tryWith('MONGODB_URI', refusedUri, 3, 'doctor');
    await tryWith('MONGODB_URI', `mongodb://u:${secret}%2@mongo/kaleem`, 10, 'v0.0.5');
    await tryWith('MONGODB_URI', `mongo://u:${secret}@mongo/kaleem`, 10, 'v0.0.5');
    await tryWith('REDIS_URL', `redis://:${secret}@redis:6379`, 3, 'health');
    await tryWith('RABBITMQ_URL', `amqp://kaleem:${secret}@rabbitmq:5672`, 3, 'health');
    await tryWith('HEALTH_URL', `http://u:${secret}@localhost:1/`, 3, 'health');
    await tryWith('KALEEM_API_IMAGE', `127.0.0.1:${deadPort}/kaleem-api:v1`, 12, 'v0.0.5');
    await tryWith('KALEEM_API_IMAGE', 'registry.invalid/kaleem-api:v1', 12, 'v0.0.5');
  });

  it('is in no argument of any process', async () => {
    samples = (await sampler?.stop()) ?? { passes: 0, commandLines: [] };
    sampler = null;
    const { commandLines, passes } = samples;
    expect(passes).toBeGreaterThan(100);
    // It has seen what the command starts.
    expect(commandLines.some((line) => /^docker .*compose .*config/.test(line))).toBe(true);
    expect(commandLines.filter((line) => foundIn(line, world.sentinels).length > 0)).toEqual([]);
  });

  it('is in no label of a container', async () => {
    const ids = Object.values(await world.stack.ids());
    const labels = await docker('inspect', '--format', '{{json .Config.Labels}}', ...ids);
    expect(labels).toContain('com.docker.compose.project');
    expect(foundIn(labels, world.sentinels)).toEqual([]);
  });

  it('is on disk only where a release needs it, and open to nobody else', async () => {
    const { stack, sentinels } = world;
    const { holding, files } = await searchFiles(stack.directory, sentinels);
    for (const name of holding) {
      const path = join(stack.directory, name);
      expect([path, (await lstat(path)).mode & 0o777]).toEqual([path, 0o600]);
      for (let folder = dirname(path); folder.length >= stack.directory.length; folder = dirname(folder)) {
        expect([folder, (await lstat(folder)).mode & 0o777]).toEqual([folder, 0o700]);
      }
    }
    expect(holding).toEqual(expect.arrayContaining(['.env', 'registry-password']));
    expect(holding.filter((name) => !mayHoldSecrets(name))).toEqual([]);
    expect(files.some((name) => name.endsWith('journal.jsonl'))).toBe(true);
    expect(files.some((name) => name.endsWith('log.jsonl'))).toBe(true);
  });

  it('is in no temporary file that was left behind', async () => {
    expect(await readdir(join(home, 'tmp'), { recursive: true })).toEqual([]);
  });
});
