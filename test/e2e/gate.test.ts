import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inLanes } from '../../src/system/lanes.ts';
import { type Outcome, start } from '../support/command.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { freePort } from '../support/free-port.ts';
import { type Gate, makeGate } from '../support/gate.ts';
import { HOSTILE_RIGHTS, someHostileCommands } from '../support/hostile-commands.ts';
import { builtTool } from '../support/machine.ts';
import { makeSshClient } from '../support/ssh-client.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { makeStack, type Stack } from '../support/stack.ts';

const run = promisify(execFile);
const CONNECTION_MS = 120_000;
const LANES = 4;

interface Line {
  readonly [key: string]: unknown;
}

describe('a key that can only deploy', () => {
  let sshd: Sshd;
  let gate: Gate;
  let stack: Stack;
  let fingerprint: string;
  /** Where whatever runs makes a file. */
  let canaries: string;
  const at = (name: string): string => sshd.at(`gate/${name}`);

  const options = (how: readonly string[] = [], key = sshd.userKey): readonly string[] => [
    ...['-F', 'none', '-i', key, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'],
    ...['-o', `UserKnownHostsFile=${sshd.knownHosts}`, '-o', 'StrictHostKeyChecking=yes', ...how],
  ];
  const shared = (): readonly string[] => [
    '-o',
    'ControlMaster=auto',
    '-o',
    `ControlPath=${at('%C')}`,
    '-o',
    'ControlPersist=30',
  ];
  const client = (
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> =>
    start([program, ...args], {
      ...{ cwd: '/', timeoutMs: CONNECTION_MS },
      env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env },
    }).ended;
  const host = (): string => `${sshd.username}@127.0.0.1`;
  /** What a client sends, as it is. */
  const ask = (command: string | null, how: readonly string[] = shared(), env: Readonly<Record<string, string>> = {}) =>
    client(
      'ssh',
      [...options(how), '-p', String(sshd.port), '--', host(), ...(command === null ? [] : [command])],
      env,
    );
  /** The same by a key that nothing holds back: so that one sees what the gate keeps away. */
  const askFreely = (command: string, how: readonly string[] = []) =>
    client('ssh', [...options(how, at('free')), '-p', String(sshd.port), '--', host(), command]);
  const lines = async (): Promise<readonly Line[]> => {
    const folder = at('record');
    const names = await readdir(folder).catch(() => []);
    const texts = await Promise.all(names.sort().map((name) => readFile(join(folder, name), 'utf8')));
    return texts
      .join('')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  };
  const configure = (rights: string): Promise<void> =>
    gate.configure(stack.directory, rights, `record: ${at('record')}`);

  beforeAll(async () => {
    // As loose as a server can be: whatever a client sends is taken.
    sshd = await startSshd(['ExposeAuthInfo yes', 'AcceptEnv *', 'AllowTcpForwarding yes', 'X11Forwarding yes']);
    gate = await makeGate(sshd);
    canaries = at('canaries');
    await mkdir(canaries, { mode: 0o700 });
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('free')]);
    const free = await readFile(`${at('free')}.pub`, 'utf8');
    await writeFile(sshd.at('authorized_keys'), `${gate.authorized}${free}`);
    fingerprint = (await run('ssh-keygen', ['-lf', sshd.userKey])).stdout.split(' ')[1] ?? '';
    stack = await makeStack();
    await stack.write('kaleem-deploy.yml', 'stability: 0s\n');
  });
  afterAll(async () => {
    await client('ssh', [...options(shared()), '-p', String(sshd.port), '-O', 'exit', host()]);
    await sshd?.stop();
    await stack?.cleanup();
  });

  describe.each([0, 1, 2, 3])('runs nothing of what is hostile (part %i of 4)', (part) => {
    it('and writes each down, with the fingerprint of the key', async () => {
      await configure(HOSTILE_RIGHTS);
      const before = (await lines()).length;
      const folder = await readdir(stack.directory);
      const all = [...new Set(someHostileCommands(join(canaries, 'ran')))];
      expect(all.length).toBeGreaterThan(200);
      const commands = all.filter((_, index) => index % 4 === part);
      // The first makes the connection that the others share.
      expectExit(await ask('kaleem-deploy no'), 40);
      const wrong: unknown[] = [];
      await inLanes(commands, { lanes: LANES }, async (command) => {
        const { code, stdout, stderr } = await ask(command);
        if (code !== 40 || !`${stdout}${stderr}`.includes('key ci may: '))
          wrong.push({ command, code, stdout, stderr });
      });
      expect(wrong).toEqual([]);
      expect(await readdir(canaries)).toEqual([]);
      expect(await readdir(stack.directory)).toEqual(folder);
      const written = (await lines()).slice(before);
      expect(written).toHaveLength(commands.length + 1);
      for (const line of written) {
        expect(line).toMatchObject({
          outcome: 'refused',
          key: 'ci',
          fingerprint,
          verified: true,
          address: '127.0.0.1',
        });
      }
      expect(new Set(written.map(({ command }) => command))).toEqual(
        new Set(['kaleem-deploy no', ...commands.map((command) => command.slice(0, 256))]),
      );
    });
  });

  it('opens no shell, no terminal, no forwarding, no file transfer', async () => {
    await configure(HOSTILE_RIGHTS);
    const before = (await lines()).length;
    const login = await ask(null);
    expectExit(login, 40);
    expect(login.stderr).toContain('error: this key opens no shell\nhint: key ci may: deploy TAG,');
    const terminal = await ask('kaleem-deploy version', ['-tt', '-o', 'LogLevel=INFO']);
    expect(terminal.stderr).toContain('PTY allocation request failed');

    const file = at('local');
    await writeFile(file, 'mine');
    const remote = `${host()}:${join(canaries, 'copied')}`;
    const port = ['-P', String(sshd.port)];
    for (const [program, args] of [
      ['scp', [...options(), ...port, file, remote]],
      ['scp', ['-O', ...options(), ...port, file, remote]],
      ['sftp', ['-b', '/dev/null', ...options(), ...port, host()]],
      ['ssh', [...options(), '-p', String(sshd.port), '-s', '--', host(), 'sftp']],
    ] as const) {
      expect((await client(program, args)).code, program).not.toBe(0);
    }

    const free = await freePort();
    const stdio = await ask(null, ['-W', `127.0.0.1:${sshd.port}`]);
    expect(stdio.code).not.toBe(0);
    expect(stdio.stdout).not.toContain('SSH-2.0');
    const back = await ask('kaleem-deploy version', ['-R', `${free}:127.0.0.1:1`, '-o', 'ExitOnForwardFailure=yes']);
    expect(back.code).toBe(255);
    expect(await readdir(canaries)).toEqual([]);
    expect((await lines()).slice(before).filter(({ outcome }) => outcome === 'allowed')).toMatchObject([
      { command: 'kaleem-deploy version' },
    ]);
  });

  it('would run what is hostile without the gate', async () => {
    const file = join(canaries, 'ran');
    await askFreely(`kaleem-deploy status; touch ${file}`);
    expect(await readdir(canaries)).toEqual(['ran']);
    await rm(file);
    const through = ['-W', `127.0.0.1:${sshd.port}`];
    const tunnel = await client('ssh', [...options(through, at('free')), '-p', String(sshd.port), '--', host()]);
    expect(tunnel.stdout).toContain('SSH-2.0');
  });

  it('does what it is allowed, whatever variables come with it', async () => {
    await configure('{ verbs: [deploy, status, history, releases, logs, doctor], tags: v* }');
    const hostile = {
      ...{
        DOCKER_HOST: 'tcp://127.0.0.1:1',
        COMPOSE_FILE: '/nowhere.yml',
        COMPOSE_PROJECT_NAME: 'another',
        HEALTH_URL: 'x',
      },
      ...{
        KALEEM_API_IMAGE: 'evil',
        MONGODB_URI: 'mongodb://evil/x',
        SUDO_USER: 'boss',
        KALEEM_DEPLOY_KEY_NAME: 'boss',
      },
      ...{ KALEEM_DEPLOY_RUNNER: '0123456789abcdef', LC_ALL: 'C', MAX_ATTEMPTS: 'x' },
    };
    const send = [
      '-o',
      `SetEnv=${Object.entries(hostile)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
    ];
    const arrived = await askFreely('env', send);
    for (const [name, value] of Object.entries(hostile)) expect(arrived.stdout).toContain(`${name}=${value}\n`);
    const version = await ask("'kaleem-deploy' version --json", send);
    expectExit(version, 0);
    expect(version.json).toHaveProperty('version');

    const deploy = await ask('kaleem-deploy v0.0.1 --json', send);
    expectExit(deploy, 0);
    await expectServes(stack, 'v0.0.1');
    const releases = await ask('kaleem-deploy releases --json', send);
    expect(releases.json).toMatchObject([{ tag: 'v0.0.1', who: expect.stringMatching(/ \(key ci\)$/) }]);
    expect(JSON.stringify(releases.json)).not.toContain('boss');
    expect((await ask('kaleem-deploy history --json')).json).toMatchObject([
      { who: expect.stringMatching(/ \(key ci\)$/) },
    ]);
    const status = await ask('kaleem-deploy status', send);
    expectExit(status, 0);
    expect(status.stdout).toMatch(/: v0\.0\.1, release 1, deployed .* by \S+ \(key ci\)/);
    expectExit(await ask('kaleem-deploy logs --tail=5 api'), 0);

    // Exit codes and streams come back as they are.
    const missing = await ask('kaleem-deploy v9.9.9');
    expectExit(missing, 12);
    expect(missing.stderr).toContain('v9.9.9');
    await expectServes(stack, 'v0.0.1');
  });

  it('is what --host of another machine needs, and no more', async () => {
    await configure('{ verbs: [deploy, attach, abort, history, releases], tags: v0.0.* }');
    const laptop = await makeSshClient();
    const typed = (...argv: readonly string[]): Promise<Outcome> =>
      start([process.execPath, builtTool(), '--host', 'gated', ...argv], {
        ...{ cwd: laptop.folder, env: { ...laptop.environment, NO_COLOR: '1' }, timeoutMs: CONNECTION_MS },
      }).ended;
    try {
      await laptop.configure(...laptop.host('gated', sshd));
      await laptop.trust(sshd);
      expectExit(await typed('v0.0.2'), 0);
      await expectServes(stack, 'v0.0.2');
      expect((await typed('releases', '--json')).json).toMatchObject([{ tag: 'v0.0.2' }, { tag: 'v0.0.1' }]);
      const refused = await typed('prune', '--yes');
      expectExit(refused, 40);
      expect(refused.stderr).toContain('is nothing that a key');
      expectExit(await typed('v0.0.1'), 0);
    } finally {
      await laptop.cleanup();
    }
  });

  it('is held to its tags and verbs on a live stack', async () => {
    for (const command of [
      'main.1',
      'deploy main',
      'v0.0.2 --image KALEEM_API_IMAGE=main',
      'rollback',
      'backup list',
    ]) {
      const outcome = await ask(`kaleem-deploy ${command}`);
      expectExit(outcome, 40);
      expect(outcome.stderr).toContain('error: this key may not');
    }
    await expectServes(stack, 'v0.0.1');
  });

  it('can do nothing once its name is gone from the configuration', async () => {
    await configure('{ verbs: [status] }');
    await writeFile(at('gate.yml'), (await readFile(at('gate.yml'), 'utf8')).replace('ci:', 'cd:'));
    const outcome = await ask('kaleem-deploy status');
    expectExit(outcome, 40);
    expect(outcome.stderr).toContain('the gate knows no key ci');
    await rm(at('gate.yml'));
    expectExit(await ask('kaleem-deploy status'), 10);
  });
});
