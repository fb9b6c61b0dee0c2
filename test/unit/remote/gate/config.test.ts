import { chmod, chown, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadGate } from '../../../../src/remote/gate/config.ts';
import { RIGHTS } from '../../../../src/remote/gate/verbs.ts';
import { failure } from '../../config/project.ts';
import { gateFolder } from './folder.ts';

const load = async (yaml: string) => {
  const folder = await gateFolder(yaml);
  return { folder, gate: await loadGate(join(folder, 'gate.yml')) };
};

const mistake = async (yaml: string): Promise<string> => {
  const folder = await gateFolder(yaml);
  const error = await failure(loadGate(join(folder, 'gate.yml')));
  expect(error.code).toBe('config-invalid');
  return error.message.replaceAll(folder, 'FOLDER');
};

describe("a gate's configuration", () => {
  it('needs a folder and keys', async () => {
    const { folder, gate } = await load('directory: app\nkeys: {ci: {verbs: [deploy]}}\n');
    expect(gate).toEqual({
      ...{
        directory: join(folder, 'app'),
        configFile: null,
        record: join(folder, 'app/.kaleem/gate'),
        environment: {},
      },
      keys: new Map([['ci', { verbs: ['deploy'], tags: null, destinations: ['.'] }]]),
    });
  });

  it('says the rest', async () => {
    const { folder, gate } = await load(
      [
        ...[
          'directory: app',
          'config: app/other.yml',
          'record: /var/log/kaleem',
          'environment: {DOCKER_HOST: x}',
          'keys:',
        ],
        '  ci: {verbs: [deploy, rollback --with-database, backup list], tags: [v*, main], destinations: staging}',
      ].join('\n'),
    );
    expect(gate).toMatchObject({
      ...{ configFile: join(folder, 'app/other.yml'), record: '/var/log/kaleem', environment: { DOCKER_HOST: 'x' } },
    });
    expect(gate.keys.get('ci')).toEqual({
      verbs: ['deploy', 'rollback --with-database', 'backup list'],
      ...{ tags: ['v*', 'main'], destinations: ['staging'] },
    });
  });

  it.each<[string, string]>([
    ['directory: app\nkeys: {}\nconfg: x', "gate.yml:3: unknown key 'confg'; did you mean 'config'?"],
    ['directory: app\nkeys: {ci: {verb: []}}', 'gate.yml:2: keys.ci.verbs is missing: it must be a list of verbs'],
    ['directory: app\nkeys: {ci: {verbs: [], tag: v1}}', "unknown key 'tag' in keys.ci; did you mean 'tags'?"],
    ['directory: app\nkeys: {ci: {verbs: [deplyo]}}', 'keys.ci.verbs[0] must be one of deploy, rollback'],
    ['directory: app\nkeys: {ci: {verbs: [deplyo]}}', "(did you mean 'deploy'?), not 'deplyo'"],
    ['directory: app\nkeys: {ci: {verbs: [config]}}', 'keys.ci.verbs[0] must be one of'],
    ['directory: app\nkeys: {ci: {verbs: deploy}}', 'keys.ci.verbs must be a list of verbs'],
    ['directory: app\nkeys: {"a b": {verbs: []}}', "the key 'a b' in keys must be the name of a key"],
    ['directory: app\nkeys: {ci: {verbs: [], tags: [a b]}}', 'keys.ci.tags[0] must be a tag, in which *'],
    ['directory: app\nkeys: {ci: {verbs: [], tags: []}}', 'keys.ci.tags must be a list of tags'],
    [
      'directory: app\nkeys: {ci: {verbs: [], destinations: ../x}}',
      'keys.ci.destinations[0] must be the name of a destination',
    ],
    ['directory: app\nkeys: [ci]', 'keys must be a map of keys, such as'],
    ['directory: nowhere\nkeys: {}', 'FOLDER/gate.yml: there is no folder FOLDER/nowhere'],
    ['keys: {}', 'directory is missing'],
    ['directory: app\nkeys: {ci: {verbs: []}, ci: {verbs: [deploy]}}', "the key 'ci' stands there twice"],
  ])('%j is a mistake', async (yaml, message) => {
    expect(await mistake(yaml)).toContain(message);
  });

  it('is not there', async () => {
    const folder = await gateFolder('');
    await rm(join(folder, 'gate.yml'));
    expect(await failure(loadGate(join(folder, 'gate.yml')))).toMatchObject({ code: 'config-invalid' });
  });

  it.each([
    ['gate.yml', 0o666],
    ['.', 0o777],
    ['.', 0o1777],
    ['app', 0o757],
  ])('is refused while others can change %s (%o)', async (name, mode) => {
    const folder = await gateFolder('directory: app\nkeys: {}\n');
    await chmod(join(folder, name), mode);
    const error = await failure(loadGate(join(folder, 'gate.yml')));
    expect(error).toMatchObject({ code: 'config-unsafe', hint: `chmod go-w ${join(folder, name)}` });
  });

  it.runIf(process.getuid?.() === 0).each(['gate.yml', '.'])('is refused while somebody else owns %s', async (name) => {
    const folder = await gateFolder('directory: app\nkeys: {}\n');
    await chown(join(folder, name), 54_321, 54_321);
    const error = await failure(loadGate(join(folder, 'gate.yml')));
    expect(error).toMatchObject({ code: 'config-unsafe', message: `${join(folder, name)} belongs to user 54321` });
  });
});

describe('docs/gate.md', () => {
  const read = (): Promise<string> => readFile(new URL('../../../../docs/gate.md', import.meta.url), 'utf8');

  it('has every key and every verb', async () => {
    const text = await read();
    for (const [yaml, prefix] of [
      ['directory: app\nkeys: {}\nzzz: 1', ''],
      ['directory: app\nkeys: {ci: {verbs: [], zzz: 1}}', 'keys.NAME.'],
    ] as const) {
      const known = /known keys: (.*)$/.exec(await mistake(yaml))?.[1]?.split(', ') ?? [];
      expect(known.length).toBeGreaterThan(2);
      for (const key of known) expect(text).toContain(`| \`${prefix}${key}\` |`);
    }
    for (const right of RIGHTS) expect(text).toContain(`\`${right}\``);
  });

  it('has an example that loads', async () => {
    const example = /```yaml\n(.*?)```/s.exec(await read())?.[1] ?? '';
    const { gate } = await load(example.replaceAll('\n   ', '\n').trim().replace('/srv/kaleem', 'app'));
    expect(gate.keys.get('ci')).toMatchObject({ tags: ['v*'] });
  });
});
