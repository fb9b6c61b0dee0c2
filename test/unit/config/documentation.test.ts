import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { COMPOSE, failure, load, project } from './project.ts';

const read = (path: string): Promise<string> => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** The keys that are known in a place: an unknown one makes the error list them. */
const knownKeys = async (yaml: string): Promise<readonly string[]> => {
  const { message } = await failure(load(await project({ 'kaleem-deploy.yml': yaml })));
  const list = /(?:known keys: |a map with one of )([^;(]+?)(?:, not .*)?$/.exec(message)?.[1];
  expect(list, message).toBeDefined();
  return (list ?? '').split(', ');
};

describe('docs/configuration.md', () => {
  it.each([
    ['the file', '', 'zzz: 1'],
    ['compose', 'compose.', 'compose: {zzz: 1}'],
    ['fence', 'fence.', 'fence: {zzz: 1}'],
    ['gates', 'gates.', 'gates: {zzz: 1}'],
    ['gate defaults', 'gates.defaults.', 'gates: {defaults: {zzz: 1}}'],
    ['gate types', '', 'gates: {after: [{}]}'],
    ['http gates', '', 'gates: {after: [{http: http://x, zzz: 1}]}'],
    ['webhook gates', '', 'gates: {after: [{webhook: http://x, payload: x, zzz: 1}]}'],
    ['mongo gates', '', 'gates: {after: [{mongo: mongodb://x, zzz: 1}]}'],
    ['qdrant gates', '', 'gates: {after: [{qdrant: http://x, zzz: 1}]}'],
    ['command gates', '', 'gates: {after: [{command: [x], zzz: 1}]}'],
    ['init types', '', 'init: [{}]'],
    ['replica sets', '', 'init: [{mongo-replica-set: x, zzz: 1}]'],
    ['clusters', '', 'init: [{redis-cluster: x, nodes: [a:1, b:1, c:1], zzz: 1}]'],
    ['collections', '', 'init: [{qdrant-collection: x, collection: x, size: 1, zzz: 1}]'],
    ['queues', '', 'init: [{rabbitmq-queue: x, queue: x, zzz: 1}]'],
    ['hooks', '', 'hooks: {zzz: 1}'],
    ['a hook', '', 'hooks: {failed: {run: [x], zzz: 1}}'],
    ['database', 'database.', 'database: {uri: {env: MONGODB_URI}, zzz: 1}'],
    ['backup', 'backup.', 'backup: {zzz: 1}'],
    ['encryption', 'backup.encryption.', 'backup: {encryption: {zzz: 1}}'],
    ['places over SFTP', '', 'backup: {copies: [{name: x, url: sftp://u@h/x, zzz: 1}]}'],
    ['places in S3', '', 'backup: {copies: [{name: x, url: s3://bucket, zzz: 1}]}'],
    ['webhooks', '', 'notify: [{name: x, type: webhook, url: {env: X}, secret: {env: X}, zzz: 1}]'],
    ['Slack', '', 'notify: [{name: x, type: slack, url: {env: X}, zzz: 1}]'],
    ['Telegram', '', 'notify: [{name: x, type: telegram, token: {env: X}, chat: 1, zzz: 1}]'],
    ['mail', '', 'notify: [{name: x, type: email, host: x, from: a@b, to: c@d, zzz: 1}]'],
    ['pings', '', 'notify: [{name: x, type: healthchecks, url: {env: X}, for: backup, zzz: 1}]'],
    ['hosts', 'hosts.NAME.', 'hosts: {prod: {zzz: 1}}'],
    ['the agent', 'agent.', 'agent: {zzz: 1}'],
    ['schedules', 'agent.schedules.', 'agent: {schedules: {zzz: 1}}'],
    ['registries', '', 'registries: [{server: x, username: x, password: {env: X}, zzz: 1}]'],
  ])('has every key of %s', async (_, prefix, yaml) => {
    const text = await read('docs/configuration.md');
    const missing = (await knownKeys(yaml)).filter((key) => {
      const inTable = text.includes(`\`${prefix}${key}\``);
      return !inTable && !text.includes(`| \`${prefix}${key}.`);
    });
    expect(missing).toEqual([]);
  });

  it('has only examples that load', async () => {
    const text = await read('docs/configuration.md');
    const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '');
    expect(examples.length).toBeGreaterThan(4);
    for (const example of examples) {
      const yaml = example
        .replace('/etc/kaleem/mongodb-uri', 'uri')
        .replace(/(production|staging)\.env/, '.env')
        // Not a real one: whoever copies it unchanged is told so.
        .replace('age1...', 'age12t23yl5ca3wnrug8mpw6z9rudxddqf749zyqzwcy5c5d9xlth4hsqq0wpy');
      const directory = await project({ 'kaleem-deploy.yml': yaml, uri: { text: 'mongodb://m/k', mode: 0o600 } });
      const environment = { S3_KEY_ID: 'an-id', S3_SECRET: 'a-secret-key' };
      await expect(load(directory, { environment })).resolves.toBeDefined();
    }
  });
});

describe('docs/kaleem-deploy.example.yml', () => {
  it('loads beside .env.example, as it is and with its comments taken away', async () => {
    const text = await read('docs/kaleem-deploy.example.yml');
    const complete = text
      .replace(/^# (order: .*?\])(?:.*)$/m, '$1')
      .replace(/^# ((?:hooks|registries|notify|secrets|hosts|agent| {2}\w| {2}- ).*)$/gm, '$1');
    expect(complete).toMatch(/^ {2}migrate:/m);
    for (const yaml of [text, complete]) {
      const urls = 'SLACK_URL=https://hooks.slack.com/services/x\nPING_URL=https://hc-ping.com/x\n';
      const env = `${await read('.env.example')}GHCR_TOKEN=x\n${urls}`;
      const directory = await project({ 'kaleem-deploy.yml': yaml, '.env': env, 'compose.yml': COMPOSE });
      expect((await load(directory)).warnings).toEqual([]);
    }
  });
});

describe('.env.example', () => {
  it('is enough, without a warning', async () => {
    expect((await load(await project({ '.env': await read('.env.example') }))).warnings).toEqual([]);
  });

  it('has every variable that the tool reads', async () => {
    const text = await read('.env.example');
    const sources = await Promise.all(
      ['compose', 'known-variables', 'gates', 'load', 'sections'].map((name) => read(`src/config/${name}.ts`)),
    );
    const names = [...sources.join('').matchAll(/(?:'|environment\.)([A-Z]+(?:_[A-Z]+)+)\b/g)].map(
      (match) => match[1] ?? '',
    );
    expect(new Set(names).size).toBeGreaterThan(12);
    for (const name of names) expect(text).toContain(name);
  });
});
