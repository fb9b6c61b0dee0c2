import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Started, start } from '../support/command.ts';
import { expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { makeGate } from '../support/gate.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { makeStack, type Stack } from '../support/stack.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/ci-deploy.sh', import.meta.url));
const MOST_MS = 180_000;

describe('a deploy from CI, by scripts/ci-deploy.sh', () => {
  let sshd: Sshd;
  let stack: Stack;
  let key: string;
  let summary: string;

  const begin = (tag: readonly string[], variables: Readonly<Record<string, string>> = {}): Started =>
    start(['bash', SCRIPT, ...tag], {
      ...{ cwd: '/', timeoutMs: MOST_MS },
      env: {
        ...{ PATH: process.env.PATH ?? '', HOME: '/nonexistent', GITHUB_STEP_SUMMARY: summary },
        ...{ DEPLOY_HOST: '127.0.0.1', DEPLOY_PORT: String(sshd.port), DEPLOY_USER: sshd.username, DEPLOY_KEY: key },
        ...variables,
      },
    });
  const deploy = (tag: string, variables: Readonly<Record<string, string>> = {}) => begin([tag], variables).ended;
  const known = async (): Promise<{ readonly DEPLOY_KNOWN_HOSTS: string }> => ({
    DEPLOY_KNOWN_HOSTS: await readFile(sshd.knownHosts, 'utf8'),
  });

  beforeAll(async () => {
    sshd = await startSshd();
    stack = await makeStack();
    await stack.write('kaleem-deploy.yml', 'stability: 0s\n');
    const gate = await makeGate(sshd);
    await gate.configure(stack.directory, '{ verbs: [deploy], tags: v0.0.* }');
    await writeFile(sshd.at('authorized_keys'), gate.authorized);
    key = await readFile(sshd.userKey, 'utf8');
  });
  beforeEach(async () => {
    summary = sshd.at('summary.md');
    await writeFile(summary, '');
  });
  afterAll(async () => {
    await stack?.cleanup();
    await sshd?.stop();
  });

  it('makes the tag live and says so in the summary of the job', async () => {
    // As it comes out of a secret: its last line break gone, the others another system's.
    const outcome = await deploy('v0.0.1', { ...(await known()), DEPLOY_KEY: key.trimEnd().replaceAll('\n', '\r\n') });
    expectExit(outcome, 0);
    expect(outcome.stdout).toContain('v0.0.1 is live');
    await expectServes(stack, 'v0.0.1');
    expect(await readFile(summary, 'utf8')).toMatch(
      /^### v0\.0\.1 is live\n[\s\S]*exit code 0\n[\s\S]*\n {4}v0\.0\.1 is live/,
    );
  });

  it('ends as the deploy does that failed, and shows why', async () => {
    const outcome = await deploy('v0.0.4-exit', await known());
    expectExit(outcome, 20);
    await expectServes(stack, 'v0.0.1');
    expect(await readFile(summary, 'utf8')).toMatch(
      /^### v0\.0\.4-exit failed; the old release is live again\n[\s\S]*error: /,
    );
    expectExit(await deploy('v9.9.9', await known()), 40);
    expectExit(await deploy('v0.0.99', await known()), 12);
    expect(await readFile(summary, 'utf8')).toContain('### v0.0.99 was refused before anything was touched');
  });

  it('follows the deploy again when its connection is lost', async () => {
    const running = begin(['v0.0.2'], await known());
    await running.said(/ok {2}raise the fence/);
    await sshd.cutConnections();
    const outcome = await running.ended;
    expectExit(outcome, 0);
    expect(outcome.stderr).toContain('the connection was lost');
    expect(await lastOperation(stack)).toMatchObject({ subject: 'v0.0.2', outcome: 'succeeded' });
    await expectServes(stack, 'v0.0.2');
  });

  it('knows what became of the deploy that ended while it was away', async () => {
    const running = begin(['v0.0.1'], await known());
    await running.said(/ok {2}raise the fence/);
    await sshd.cutConnections();
    await sshd.stopListening();
    await stack.settled();
    await sshd.listenAgain();
    const outcome = await running.ended;
    expectExit(outcome, 0);
    expect(outcome.stdout).toContain('it was done before: deploy v0.0.1: succeeded');
    const history = (await stack.run('history', '--json')).json as readonly { readonly subject: string }[];
    expect(history.filter(({ subject }) => subject === 'v0.0.1')).toHaveLength(2);
    await expectServes(stack, 'v0.0.1');
  });

  it('tries for so long from when the connection was lost, however long the deploy took until then', async () => {
    const running = begin(['v0.0.2'], { ...(await known()), DEPLOY_RECONNECT: '1' });
    await running.said(/ok {2}back up the database/);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await sshd.cutConnections();
    expectExit(await running.ended, 0);
    await expectServes(stack, 'v0.0.2');
    expectExit(await deploy('v0.0.1', await known()), 0);
  });

  it('gives up when the server does not come back, and says that the deploy goes on', async () => {
    const running = begin(['v0.0.2'], { ...(await known()), DEPLOY_RECONNECT: '2' });
    await running.said(/ok {2}raise the fence/);
    await sshd.cutConnections();
    await sshd.stopListening();
    const outcome = await running.ended;
    await sshd.listenAgain();
    expectExit(outcome, 40);
    expect(outcome.stderr).toContain('what was begun goes on there');
    await stack.settled();
    await expectServes(stack, 'v0.0.2');
  });

  it('trusts no server that it does not know', async () => {
    const stranger = `[127.0.0.1]:${sshd.port} ${await readFile(`${sshd.userKey}.pub`, 'utf8')}`;
    const outcome = await deploy('v0.0.1', { DEPLOY_KNOWN_HOSTS: stranger });
    expectExit(outcome, 40);
    expect(outcome.stderr).toContain('is not the host that DEPLOY_KNOWN_HOSTS knows');
    await expectServes(stack, 'v0.0.2');
  });

  it.each([
    { what: 'no tag', tag: [], variables: {}, says: 'usage:' },
    { what: 'a tag that is none', tag: ['v1;id'], variables: {}, says: 'this is no tag: v1;id' },
    { what: 'a tag that is an option', tag: ['-oProxyCommand=id'], variables: {}, says: 'this is no tag' },
    {
      what: 'a host that is an option',
      tag: ['v1'],
      variables: { DEPLOY_HOST: '-oProxyCommand=id' },
      says: 'DEPLOY_HOST',
    },
    { what: 'a port that is none', tag: ['v1'], variables: { DEPLOY_PORT: 'ssh' }, says: 'DEPLOY_PORT' },
    {
      what: 'a destination that is none',
      tag: ['v1'],
      variables: { DEPLOY_DESTINATION: 'a b' },
      says: 'DEPLOY_DESTINATION',
    },
    {
      what: 'no known hosts',
      tag: ['v1'],
      variables: { DEPLOY_KNOWN_HOSTS: '' },
      says: 'DEPLOY_KNOWN_HOSTS is not set',
    },
    { what: 'no key', tag: ['v1'], variables: { DEPLOY_KEY: '' }, says: 'neither DEPLOY_KEY' },
  ])('refuses $what', async ({ tag, variables, says }) => {
    const outcome = await begin(tag, { DEPLOY_KNOWN_HOSTS: 'x', ...variables }).ended;
    expectExit(outcome, 2);
    expect(outcome.stderr).toContain(says);
  });
});
