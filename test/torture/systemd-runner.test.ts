import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker } from '../support/docker.ts';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { freePort } from '../support/free-port.ts';
import { readJournals } from '../support/journals.ts';
import { type Server, startServer } from '../support/server.ts';
import { makeStack, type Stack } from '../support/stack.ts';

const run = promisify(execFile);
const USER_ID = 1234;

describe('where systemd is the init system, an operation', () => {
  let server: Server;
  let stack: Stack;
  let keys = '';

  /** Resolves once the newest operation has raised its fence. */
  const behindTheFence = async (known: number): Promise<void> => {
    const raised = async () => {
      const journals = await readJournals(stack.directory);
      return journals.length > known && (journals.at(-1)?.lines ?? []).some(({ step }) => step === 'fence');
    };
    await expect.poll(raised, { timeout: 60_000, interval: 50 }).toBe(true);
  };
  const operations = async (): Promise<number> => (await readJournals(stack.directory)).length;
  const scopes = async (): Promise<readonly string[]> => {
    const units = await server.exec('systemctl', 'list-units', '--type=scope', '--plain', '--no-legend');
    return units.split('\n').flatMap((line) => /^kaleem-deploy-\S+/.exec(line)?.[0] ?? []);
  };
  const expectDeployed = async (tag: string): Promise<void> => {
    await stack.run('attach');
    await expectServes(stack, tag);
    await expectEnvTag(stack, tag);
    expect(await lastOperation(stack)).toMatchObject({ subject: tag, outcome: 'succeeded', exitCode: 0 });
    await expect.poll(scopes, { timeout: 10_000 }).toEqual([]);
  };

  beforeAll(async () => {
    const ports = { http: await freePort(), api: await freePort() };
    server = await startServer({ ports: [ports.http, ports.api] });
    stack = await makeStack({ machine: server, ports });
    keys = await mkdtemp(join(tmpdir(), 'kaleem-keys-'));
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(async () => {
    await server?.cleanup();
    await rm(keys, { recursive: true, force: true });
  });

  it('has a scope of its own, and goes on when the service that typed it is stopped', async () => {
    const known = await operations();
    const [node, program] = server.tool;
    await server.exec(
      ...['systemd-run', '--quiet', '--unit=typed', `--working-directory=${stack.directory}`],
      ...['--setenv=HOME=/root', node, program, 'v0.0.2'],
    );
    await behindTheFence(known);
    const [scope = ''] = await scopes();
    const after = await server.exec('systemctl', 'show', '--property=After', scope);
    expect(after).toContain('docker.service');
    await server.exec('systemctl', 'stop', 'typed.service');
    expect(await scopes()).toEqual([scope]);
    await expectDeployed('v0.0.2');
  });

  it('goes on when the SSH connection that it was typed over is cut', async () => {
    const key = join(keys, 'key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const line = (await readFile(`${key}.pub`, 'utf8')).trim();
    await server.exec('bash', '-c', `install -d -m 700 /root/.ssh && echo '${line}' > /root/.ssh/authorized_keys`);
    const networks = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    const address = (await docker('inspect', '--format', networks, server.name)).trim();
    const known = await operations();
    const ssh = execFile('ssh', [
      ...['-tt', '-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', `root@${address}`],
      `cd ${stack.directory} && ${server.tool.join(' ')} v0.0.5`,
    ]);
    const closed = once(ssh, 'close');
    await behindTheFence(known);
    ssh.kill('SIGKILL');
    await closed;
    await expectDeployed('v0.0.5');
  });

  it('has a scope of the user, who is not root and lingers, and goes on when what typed it is killed', async () => {
    // What pam_systemd and logind do at a login is done by hand: neither is there.
    await server.exec(
      'bash',
      '-ec',
      `useradd --create-home --uid ${USER_ID} --groups docker deployer
       install -d /var/lib/systemd/linger /etc/systemd/system/user@.service.d && touch /var/lib/systemd/linger/deployer
       printf '[Service]\\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\\n' > /etc/systemd/system/user@.service.d/runtime.conf
       install -d -m 700 -o deployer -g deployer /run/user/${USER_ID}
       systemctl daemon-reload && systemctl start user@${USER_ID}.service
       chown -R deployer: ${stack.directory}`,
    );
    const known = await operations();
    const typed = execFile('docker', [
      ...['exec', '--user', 'deployer', '--workdir', stack.directory],
      ...['--env', 'HOME=/home/deployer', '--env', `XDG_RUNTIME_DIR=/run/user/${USER_ID}`],
      ...[server.name, ...server.tool, 'v0.0.2'],
    ]);
    let said = '';
    for (const stream of [typed.stdout, typed.stderr]) stream?.on('data', (text) => (said += text));
    const closed = once(typed, 'close').then(() => `it ended too early: ${said}`);
    expect(await Promise.race([behindTheFence(known), closed])).toBeUndefined();
    const asUser = ['runuser', '-u', 'deployer', '--', 'env', `XDG_RUNTIME_DIR=/run/user/${USER_ID}`];
    const list = ['systemctl', '--user', 'list-units', '--type=scope', '--plain', '--no-legend'];
    const scope = /^kaleem-deploy-\S+/m.exec(await server.exec(...asUser, ...list))?.[0] ?? 'none';
    await server.exec('pkill', '-KILL', '--uid', 'deployer', '--full', `cli/main.js v0.0.2`);
    await closed;
    expect(await server.exec(...asUser, ...list)).toContain(scope);
    const ended = async () => (await readJournals(stack.directory)).at(-1)?.lines.at(-1)?.type === 'end';
    await expect.poll(ended, { timeout: 60_000, interval: 200 }).toBe(true);
    await expectServes(stack, 'v0.0.2');
    await expectEnvTag(stack, 'v0.0.2');
    await expect.poll(() => server.exec(...asUser, ...list), { timeout: 10_000 }).not.toContain(scope);

    // Root's cron may back up what the user deploys: the user goes on all the same.
    expectExit(await stack.run('backup', 'create'), 0);
    const again = [
      ...asUser,
      'HOME=/home/deployer',
      'bash',
      '-c',
      `cd ${stack.directory} && ${server.tool.join(' ')} backup create`,
    ];
    expect(await server.exec(...again)).toContain('documents');
  });
});
