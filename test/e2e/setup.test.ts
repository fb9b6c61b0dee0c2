import { execFile } from 'node:child_process';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT, agentSaid, untilRecovered } from '../support/agent-unit.ts';
import { type Outcome, type Started, start } from '../support/command.ts';
import { docker } from '../support/docker.ts';
import { expectEnvTag, expectExit, expectServes } from '../support/expectations.ts';
import { freePort } from '../support/free-port.ts';
import { builtTool } from '../support/machine.ts';
import { type Server, startServer } from '../support/server.ts';
import { startAgent } from '../support/ssh-agent.ts';
import { makeSshClient, type SshClient } from '../support/ssh-client.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { makeStack, type Stack } from '../support/stack.ts';

const run = promisify(execFile);
const COMMAND_MS = 280_000;

interface Report {
  readonly changed: boolean;
  readonly steps: readonly { readonly name: string; readonly outcome: string; readonly detail: string }[];
}

describe('a server with nothing but sshd', () => {
  let server: Server;
  let address: string;
  let laptop: SshClient;
  let jump: Sshd;
  let stack: Stack;
  let ports: { readonly http: number; readonly api: number };
  const project = (): string => join(server.folder, 'shop');
  const keyFile = (): string => join(laptop.folder, '.ssh/kaleem-deploy_prod');

  const begin = (argv: readonly string[], variables: Readonly<Record<string, string>> = {}): Started =>
    start([process.execPath, builtTool(), ...argv], {
      ...{ cwd: laptop.folder, timeoutMs: COMMAND_MS },
      env: { ...laptop.environment, NO_COLOR: '1', ...variables },
    });
  const typed = (...argv: readonly string[]): Promise<Outcome> => begin(argv).ended;
  const setup = (...argv: readonly string[]): Promise<Outcome> =>
    typed('setup', '--host', 'prod', '--directory', project(), ...argv);
  /** All that setup may change. The gate's record is none of it: each login is written down. */
  const state = async (): Promise<string> =>
    server.exec(
      'sh',
      '-c',
      `{ dpkg-query -W; getent passwd; find /etc /opt /usr/local /srv /var/lib/kaleem-deploy ${project()} -xdev -name gate -path '*/.kaleem/*' -prune -o -printf '%p %m %u %T@\\n' | sort; } 2>/dev/null`,
    );
  const oneLogin = (name: string, user: string, identity: string, ...lines: readonly string[]): readonly string[] => [
    ...[`Host ${name}`, `HostName ${address}`, `User ${user}`, `IdentityFile ${identity}`],
    ...[`UserKnownHostsFile ${laptop.knownHosts}`, 'GlobalKnownHostsFile none', ...lines],
  ];
  const hosts = (text: string): Promise<void> =>
    writeFile(join(laptop.folder, 'kaleem-deploy.yml'), text, { mode: 0o600 });

  beforeAll(async () => {
    ports = { http: await freePort(), api: await freePort() };
    [server, laptop, jump] = await Promise.all([
      startServer({ ports: Object.values(ports), bare: true }),
      makeSshClient(),
      startSshd(['AllowTcpForwarding yes']),
    ]);
    const networks = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    address = await docker('inspect', '--format', networks, server.name);
    const admin = join(laptop.folder, 'admin');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', admin]);
    const line = (await readFile(`${admin}.pub`, 'utf8')).trim();
    // Whose files greet whoever logs in, as many do.
    const greet = 'echo Welcome; echo "fact end bm8=" >&2';
    await server.exec(...['sh', '-c', `install -d -m 700 /root/.ssh && echo '${line}' > /root/.ssh/authorized_keys`]);
    await server.exec('sh', '-c', `printf '%s\\n' '${greet}' > /root/.bashrc`);
    const hostKey = await server.exec('cat', '/etc/ssh/ssh_host_ed25519_key.pub');
    const known = `${address} ${hostKey.split(' ').slice(0, 2).join(' ')}\n`;
    await writeFile(laptop.knownHosts, `${known}${await readFile(jump.knownHosts, 'utf8')}`);
    await laptop.configure(
      ...oneLogin('prod', 'root', admin),
      ...oneLogin('prod-by-agent', 'kaleem-deploy', 'none'),
      ...oneLogin('prod-through-jump', 'kaleem-deploy', keyFile(), 'ProxyJump jump'),
      ...laptop.host('jump', jump),
    );
  });
  afterAll(async () => {
    await Promise.allSettled([server?.cleanup(), laptop?.cleanup(), jump?.stop()]);
  });

  it('is not changed by a dry run, and neither is the laptop', async () => {
    const before = await state();
    const outcome = await setup('--dry-run', '--json');
    expectExit(outcome, 0);
    const { changed, steps } = outcome.json as Report;
    expect(changed).toBe(true);
    expect(steps.map(({ name, outcome: what }) => `${what} ${name}`)).toEqual([
      'ok system',
      ...['Docker', 'Node', 'kaleem-deploy', 'account', 'sudo rule', 'folders', 'gate', 'deploy key', 'agent'].map(
        (name) => `would ${name}`,
      ),
    ]);
    expect(await state()).toBe(before);
    expect(await readdir(laptop.folder)).not.toContain('.ssh');
  });

  it('that reaches no packages is told by apt itself why, and what to do', async () => {
    const broken = '/etc/apt/apt.conf.d/99-nowhere';
    await server.exec('sh', '-c', `echo 'Acquire::http::Proxy "http://127.0.0.1:9";' > ${broken}`);
    const outcome = await setup('--json');
    expectExit(outcome, 12);
    const { error } = outcome.json as { readonly error: { readonly details: readonly string[] } };
    expect(error).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('offers nothing, and Docker'),
    });
    expect(error.details.join('\n')).toMatch(/Failed to fetch .*127\.0\.0\.1:9/);
    await server.exec('rm', broken);
  });

  it('is ready after a setup that was killed in the middle and typed again', async () => {
    const killed = begin(['setup', '--host', 'prod', '--directory', project()]);
    await killed.said(/\.\. {5}Docker/);
    await sleep(4_000);
    killed.signal('SIGKILL');
    expect((await killed.ended).code).toBe(137);

    const outcome = await setup();
    expectExit(outcome, 0);
    expect(outcome.stderr).toMatch(/^done {3}Docker .*: Docker \d[\w.+]*, Compose \d[\w.+-]*$/m);
    expect(outcome.stderr).toMatch(/^ok {5}login .*kaleem-deploy by ~\/\.ssh\/kaleem-deploy_prod/m);
    expect(outcome.stdout).toContain('prod is ready');
    expect(outcome.stdout).toContain(
      '    prod:\n      user: kaleem-deploy\n      identity_file: ~/.ssh/kaleem-deploy_prod\n',
    );
    expect(outcome.stdout).toContain(`${project()} has no compose file yet`);
    expect(await server.exec('systemctl', 'is-enabled', AGENT)).toBe('enabled');
    expect(await server.exec('systemd-analyze', 'verify', AGENT)).toBe('');
    expect(await server.exec('id', '-Gn', 'kaleem-deploy')).toBe('kaleem-deploy');
    await access(keyFile());
  });

  it('is not changed by a second setup, which says so, as whoever may be root there', async () => {
    await hosts('hosts: {prod: {user: kaleem-deploy, identity_file: ~/.ssh/kaleem-deploy_prod}}\n');
    const before = await state();
    const outcome = await typed('setup', '--host', 'prod');
    expectExit(outcome, 0);
    expect(outcome.stdout).toContain('nothing to change on prod\n');
    expect(outcome.stdout).not.toContain('hosts:');
    expect(outcome.stderr.match(/^(?!ok )\S.*$/gm)).toBeNull();
    expect(await state()).toBe(before);

    const admin = join(laptop.folder, 'admin');
    await server.exec(
      'sh',
      '-ec',
      `useradd -m maria; useradd -m eve
       for user in maria eve; do install -d -m 700 -o $user /home/$user/.ssh; install -o $user -m 600 /root/.ssh/authorized_keys /home/$user/.ssh; done
       echo 'maria ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/maria`,
    );
    await hosts(`hosts: {prod: {identity_file: ${admin}}}\n`);
    const bySudo = await typed('setup', '--host', 'maria@prod', '--json');
    expectExit(bySudo, 0);
    expect(bySudo.json).toMatchObject({ changed: false });
    const byNobody = await typed('setup', '--host', 'eve@prod');
    expectExit(byNobody, 12);
    expect(byNobody.stderr).toContain('eve is not root on eve@prod, and sudo wants a password');
  });

  it('opens nothing but the gate to the new key', async () => {
    const ssh = (...argv: readonly string[]) =>
      start(
        [
          ...['ssh', '-F', 'none', '-i', keyFile(), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
          ...['-o', `UserKnownHostsFile=${laptop.knownHosts}`, `kaleem-deploy@${address}`, ...argv],
        ],
        { cwd: '/', env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' }, timeoutMs: 30_000 },
      ).ended;
    for (const command of ['id', 'kaleem-deploy prune --yes', 'kaleem-deploy config', 'sudo -n id']) {
      const outcome = await ssh(command);
      expectExit(outcome, 40);
      expect(outcome.stdout).toBe('');
    }
    expectExit(await ssh(), 40);
    // What the account itself may ask of sudo, were there a shell.
    const asAccount = (command: string) =>
      server.exec('runuser', '-u', 'kaleem-deploy', '--', 'sh', '-c', `${command}; true`);
    expect(await asAccount('sudo -n id 2>&1')).toContain('a password is required');
    expect(await asAccount('sudo -n kaleem-deploy gate --config /tmp/mine.yml --key deploy 2>&1')).toContain(
      'a password is required',
    );
  });

  it('deploys by the new key, rolls a bad version back, and shows what it has', async () => {
    await hosts('hosts: {prod: {user: kaleem-deploy, identity_file: ~/.ssh/kaleem-deploy_prod}}\n');
    stack = await makeStack({ machine: server, ports, directory: project(), checks: 'cheap' });
    await stack.write('kaleem-deploy.yml', 'stability: 0s\n');
    const there = (...argv: readonly string[]) => typed('--host', 'prod', ...argv);
    const early = await there('doctor');
    expectExit(early, 3);
    expect(early.stdout).toContain('`kaleem-deploy doctor` checks the connection');
    expect(early.stdout).toContain('ok    fence               the firewall is within reach');
    expectExit(await there('v0.0.1'), 0);
    expectExit(await there('doctor'), 0);
    await expectServes(stack, 'v0.0.1');
    const content = await stack.contentHash();

    await stack.setVariable('MAX_ATTEMPTS', '5');
    const bad = await there('v0.0.3');
    expectExit(bad, 20);
    await expectServes(stack, 'v0.0.1');
    await expectEnvTag(stack, 'v0.0.1');
    expect(await stack.contentHash()).toBe(content);

    expectExit(await there('backup', 'create'), 0);
    expect((await there('status', '--json')).json).toMatchObject({ live: { tag: 'v0.0.1' } });
    expect((await there('releases', '--json')).json).toMatchObject([
      { tag: 'v0.0.1', who: expect.stringMatching(/^root@\S+ \(key deploy\)$/) },
    ]);
    expect((await there('logs', '--tail', '5', 'api')).code).toBe(0);
  });

  it('is attached to and aborted from the laptop', async () => {
    await stack.write('kaleem-deploy.yml', 'stability: 60s\n');
    const deploy = begin(['--host', 'prod', 'v0.0.2', '-v']);
    await deploy.said(/verify v0\.0\.2/, 120_000);
    const attached = begin(['--host', 'prod', 'attach', '-v']);
    await attached.said(/verify v0\.0\.2/);
    expectExit(await typed('--host', 'prod', 'abort'), 130);
    expectExit(await deploy.ended, 130);
    expectExit(await attached.ended, 130);
    await expectServes(stack, 'v0.0.1');
  });

  it('is reached by an agent, and through another host', async () => {
    const agent = await startAgent([keyFile()]);
    try {
      const byAgent = begin(['--host', 'prod-by-agent', 'status', '--json'], { SSH_AUTH_SOCK: agent.socket });
      expect((await byAgent.ended).json).toMatchObject({ live: { tag: 'v0.0.1' } });
      expectExit(await typed('--host', 'prod-by-agent', 'status'), 40);
    } finally {
      await agent.stop();
    }
    expect((await typed('--host', 'prod-through-jump', 'status', '--json')).json).toMatchObject({
      live: { tag: 'v0.0.1' },
    });
  });

  it('has its agent started by a setup once a project is there, and left alone by the next one', async () => {
    const nothing = ['backup', 'verify', 'drill', 'prune', 'watch'].map((job) => `${job}: none`).join(', ');
    await stack.write('kaleem-deploy.yml', `stability: 0s\nagent: {schedules: {${nothing}}}\n`);
    const outcome = await typed('setup', '--host', 'prod');
    expectExit(outcome, 0);
    expect(outcome.stderr).toMatch(/^done {3}agent .*started kaleem-deploy-agent\.service/m);
    expect(await server.exec('systemctl', 'is-active', AGENT)).toBe('active');
    expect((await typed('setup', '--host', 'prod')).stdout).toContain('nothing to change on prod\n');
    const doctor = await typed('--host', 'prod', 'doctor');
    expect(doctor.stdout).toMatch(/^ok {4}agent +it is running \(process \d+\)$/m);
  });

  it.each(['power cut', 'reboot'] as const)(
    'finishes by itself what a %s left in the middle of a deploy',
    async (what) => {
      const before = await stack.contentHash();
      const deploy = begin(['--host', 'prod', 'v0.0.2', '-v']);
      await deploy.said(/start v0\.0\.2/, 120_000);
      await (what === 'reboot' ? server.shutDown() : server.cutPower());
      deploy.signal('SIGKILL');
      await deploy.ended;
      await server.boot();
      await server.engineUp();
      await untilRecovered(server, stack);
      await expectServes(stack, 'v0.0.1');
      await expectEnvTag(stack, 'v0.0.1');
      expect(await stack.contentHash()).toBe(before);
      expect(await server.exec('systemctl', 'is-active', AGENT)).toBe('active');
      if (what === 'power cut') expect(await agentSaid(server)).toContain('recovered what had died');
    },
  );
});
