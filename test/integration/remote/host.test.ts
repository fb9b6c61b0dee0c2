import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { RemoteHost } from '../../../src/config/config.ts';
import { DeployError } from '../../../src/errors.ts';
import { type Host, openHost } from '../../../src/remote/host.ts';
import type { RemoteWorld, Terminal } from '../../../src/remote/world.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { keyOf, knownLine } from '../../support/public-keys.ts';
import { startAgent } from '../../support/ssh-agent.ts';
import { makeSshClient, type SshClient } from '../../support/ssh-client.ts';
import { type Sshd, startSshd } from '../../support/sshd.ts';

/** Prints where it is and what it was given. */
const ECHO = `#!${process.execPath}
const [, , first, ...rest] = process.argv;
if (first === 'exit') process.exit(Number(rest[0]));
if (first === 'kill') process.kill(process.pid, 'SIGKILL');
process.stderr.write('said\\n');
process.stdout.write(JSON.stringify({ cwd: process.cwd(), argv: process.argv.slice(2) }));
`;

describe('another host', () => {
  let client: SshClient;
  let sshd: Sshd;
  let program: string;
  const hosts: Host[] = [];

  const entry = (overrides: Partial<RemoteHost> = {}): RemoteHost => ({
    ...{ address: null, port: null, user: null, identityFile: null, directory: null, program: [program] },
    ...overrides,
  });
  const open = (name: string, overrides: Partial<RemoteHost> = {}, world: Partial<RemoteWorld> = {}): Host => {
    const host = openHost(name, entry(overrides), {
      ...{ commands: systemCommands, clock: systemClock, signal: new AbortController().signal },
      ...{ environment: client.environment, home: client.folder, terminal: null, say: () => {} },
      ...world,
    });
    hosts.push(host);
    return host;
  };
  const said = async (host: Host, ...argv: readonly string[]) => {
    const answer = await host.ask(argv);
    return JSON.parse(answer?.stdout ?? 'null') as { readonly cwd: string; readonly argv: readonly string[] } | null;
  };
  const failure = async (trying: Promise<unknown>): Promise<DeployError> => {
    const error = await trying.catch((thrown: unknown) => thrown);
    if (error instanceof DeployError) return error;
    throw error instanceof Error ? error : new Error(`it was no failure: ${String(error)}`);
  };
  const terminal = (answer: boolean, asked: string[] = []): Terminal => ({
    confirm: async (lines) => {
      asked.push(...lines);
      return answer;
    },
    passphrase: async () => 'a long secret',
  });

  beforeAll(async () => {
    sshd = await startSshd();
    client = await makeSshClient();
    program = join(client.folder, "pro gram's");
    await writeFile(program, ECHO);
    await chmod(program, 0o755);
  });
  afterAll(async () => {
    await sshd?.stop();
    await client?.cleanup();
  });
  beforeEach(async () => {
    await client.configure(...client.host('prod', sshd));
    await client.trust(sshd);
  });
  afterEach(() => {
    for (const host of hosts.splice(0)) host.close();
  });

  it('is found by its alias; the exit code and both streams come back', async () => {
    const host = open('prod');
    expect(await host.ask(['status'])).toMatchObject({ exitCode: 0, stderr: 'said\n' });
    expect(await host.ask(['exit', '21'])).toMatchObject({ exitCode: 21, stdout: '' });
    expect(await host.run(['kill'], { stdout: () => {}, stderr: () => {} })).toEqual({
      how: 'killed',
      signal: 'SIGKILL',
    });
  });

  it('gets every argument as it was typed', async () => {
    const host = open('prod');
    const odd = [
      '',
      ' ',
      '~',
      '*',
      '$HOME',
      '`id`',
      "'",
      "''",
      '"',
      '\\',
      '\n',
      '-',
      '--',
      '=x',
      '#',
      '!!',
      'a b',
      '\u00e9\u{1f600}',
      ';id',
      '&&',
      '|',
      '>x',
    ];
    // Whatever a shell might see something in, and whatever comes.
    const random = Array.from({ length: 200 }, () =>
      Array.from({ length: randomInt(1, 12) }, () => String.fromCodePoint(randomInt(1, 128))).join(''),
    );
    const bytes = randomBytes(32).toString('base64');
    for (const argv of [odd, random, [bytes], [...odd].reverse()])
      expect((await said(host, 'x', ...argv))?.argv).toEqual(['x', ...argv]);
    for (const word of random.slice(0, 20)) expect((await said(host, word))?.argv).toEqual([word]);
  });

  it('starts the program in its folder, which may be named from the home there', async () => {
    const folder = join(client.folder, "a folder's");
    await mkdir(folder);
    const home = userInfo().homedir;
    for (const directory of [folder, `~/${relative(home, folder)}`, relative(home, folder)]) {
      expect((await said(open('prod', { directory })))?.cwd).toBe(folder);
    }
    expect((await open('prod', { directory: `${folder}/none` }).ask([]))?.exitCode).not.toBe(0);
  });

  it('has what the configuration says of it over what OpenSSH says', async () => {
    await client.configure(...client.host('prod', sshd), 'Host *', 'IdentityFile /nowhere');
    const strange = sshd.at('strange');
    await rm(strange, { force: true });
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', strange]);
    const others = { address: '127.0.0.1', port: sshd.port, user: sshd.username };
    await client.configure(
      ...['Host prod', 'HostName 127.0.0.2', 'Port 1', 'User nobody', 'IdentityFile /nowhere'],
      ...[`UserKnownHostsFile ${client.knownHosts}`],
    );
    expect((await said(open('prod', { ...others, identityFile: sshd.userKey })))?.argv).toEqual([]);
    expect((await failure(open('prod', { ...others, identityFile: strange }).connect())).message).toContain(
      `does not let ${sshd.username} in with ${strange}`,
    );
    expect((await failure(open('prod', { ...others, identityFile: '/nowhere' }).connect())).message).toContain(
      'the key /nowhere cannot be read',
    );
  });

  it('lets somebody in whose key is in an agent, the one of the environment or the one that OpenSSH names', async () => {
    const agent = await startAgent([sshd.userKey]);
    onTestFinished(() => agent.stop());
    const lines = client.host('prod', sshd).filter((line) => !line.startsWith('IdentityFile'));
    await client.configure(...lines);
    const environment = { ...client.environment, SSH_AUTH_SOCK: agent.socket };
    expect(await said(open('prod', {}, { environment }))).not.toBeNull();
    await client.configure(...lines, `IdentityAgent ${agent.socket}`);
    expect(await said(open('prod'))).not.toBeNull();
    await client.configure(...lines, 'IdentityAgent none');
    await expect(open('prod', {}, { environment }).connect()).rejects.toMatchObject({ code: 'remote-unreachable' });
  });

  it('asks for the passphrase of a key once, however often it has to connect', async () => {
    const key = sshd.at('encrypted');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a long secret', '-f', key]);
    await writeFile(sshd.at('authorized_keys'), await readFile(`${key}.pub`), { flag: 'a' });
    let asked = 0;
    const host = open(
      'prod',
      { identityFile: key },
      {
        terminal: {
          confirm: async () => false,
          passphrase: async () => {
            asked += 1;
            return 'a long secret';
          },
        },
      },
    );
    expect(await said(host)).not.toBeNull();
    await sshd.cutConnections();
    expect(await host.ask([])).toBeNull();
    await host.reconnect();
    expect(await said(host)).not.toBeNull();
    expect(asked).toBe(1);
    expect(await failure(open('prod', { identityFile: key }).connect())).toMatchObject({
      code: 'remote-unreachable',
      hint: expect.stringContaining('ssh-add'),
    });
  });

  describe('whose key', () => {
    const name = (): string => `[127.0.0.1]:${sshd.port}`;

    it('is not known is refused where nobody can be asked, with the command to type', async () => {
      await writeFile(client.knownHosts, '');
      const refused = await failure(open('prod').connect());
      expect(refused.code).toBe('remote-unreachable');
      expect(refused.message).toContain(`the host key of ${name()} is not known: ssh-ed25519 SHA256:`);
      const command = refused.hint?.split('same: ')[1] ?? '';
      execFileSync('sh', ['-c', command]);
      expect(await said(open('prod'))).not.toBeNull();
    });

    it.each(['yes', 'no'] as const)(
      'is not known is remembered when somebody said yes (names hashed: %s)',
      async (hash) => {
        await client.configure(...client.host('prod', sshd), `HashKnownHosts ${hash}`);
        await writeFile(client.knownHosts, '# no newline at its end');
        const asked: string[] = [];
        expect(await said(open('prod', {}, { terminal: terminal(true, asked) }))).not.toBeNull();
        expect(asked.join('\n')).toContain(`the host key of ${name()} is not known: ssh-ed25519 SHA256:`);
        const text = await readFile(client.knownHosts, 'utf8');
        expect(text).toMatch(
          hash === 'yes'
            ? /^# no newline at its end\n\|1\|\S+ ssh-ed25519 \S+\n$/
            : /\n\[127\.0\.0\.1\]:\d+ ssh-ed25519 \S+\n$/,
        );
        expect(await said(open('prod'))).not.toBeNull();
      },
    );

    it('is not known is refused when somebody said no, or OpenSSH is told not to ask', async () => {
      await rm(client.knownHosts);
      expect((await failure(open('prod', {}, { terminal: terminal(false) }).connect())).message).toContain(
        'was not accepted',
      );
      await client.configure(...client.host('prod', sshd), 'StrictHostKeyChecking yes');
      const asked: string[] = [];
      expect((await failure(open('prod', {}, { terminal: terminal(true, asked) }).connect())).message).toContain(
        'is not known',
      );
      expect(asked).toEqual([]);
      await expect(readFile(client.knownHosts)).rejects.toThrow();
    });

    it('has changed is refused whoever is asked, with the place of the old one', async () => {
      await writeFile(client.knownHosts, `# comment\n${knownLine(name(), keyOf('ssh-ed25519', 'old'))}`);
      const refused = await failure(open('prod', {}, { terminal: terminal(true) }).connect());
      expect(refused.message).toContain('is another one than is known');
      expect(refused.message).toContain(`${client.knownHosts}:2 has ssh-ed25519 SHA256:`);
    });

    it('is of another type than the known one has changed', async () => {
      await writeFile(client.knownHosts, knownLine(name(), keyOf('ecdsa-sha2-nistp256', 'old')));
      expect((await failure(open('prod').connect())).message).toContain('is another one than is known');
    });

    it('is revoked is refused', async () => {
      await writeFile(client.knownHosts, `${name()} ${sshd.hostKey}\n@revoked * ${sshd.hostKey}\n`);
      const refused = await failure(open('prod', {}, { terminal: terminal(true) }).connect());
      expect(refused.message).toContain(`is revoked in ${client.knownHosts}:2`);
    });

    it('is vouched for by an authority alone is refused, and that is said', async () => {
      await writeFile(client.knownHosts, `@cert-authority * ${sshd.hostKey}\n`);
      const refused = await failure(open('prod', {}, { terminal: terminal(true) }).connect());
      expect(refused.message).toContain('host certificates are not supported');
    });

    it('stands in another file, hashed, or under an alias is known', async () => {
      const other = join(client.folder, 'others');
      await writeFile(other, `${name()} ${sshd.hostKey}\n`);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', other], { stdio: 'ignore' });
      const lines = client.host('prod', sshd).filter((line) => !line.includes('KnownHostsFile'));
      await client.configure(...lines, `UserKnownHostsFile ${client.folder}/none ${other}`);
      expect(await said(open('prod'))).not.toBeNull();
      await writeFile(client.knownHosts, `the-server ${sshd.hostKey}\n`);
      await client.configure(...client.host('prod', sshd), 'HostKeyAlias the-server');
      expect(await said(open('prod'))).not.toBeNull();
    });
  });

  it('is reached through others, each with its own key', async () => {
    const [first, second] = [await startSshd(), await startSshd()];
    onTestFinished(async () => {
      await first.stop();
      await second.stop();
    });
    const inner = await startSshd([`PermitOpen none`]);
    onTestFinished(() => inner.stop());
    await client.trust(first, second, sshd, inner);
    const configure = (jump: string) =>
      client.configure(
        ...client.host('prod', sshd, `ProxyJump ${jump}`),
        ...client.host('first', first),
        ...client.host('second', second),
        ...client.host('closed', inner),
        ...client.host('circle', inner, 'ProxyJump circle'),
      );
    for (const jump of ['first', 'first,second', `second,${first.username}@first`]) {
      await configure(jump);
      expect(await said(open('prod')), jump).not.toBeNull();
    }
    await configure('closed');
    expect((await failure(open('prod').connect())).message).toMatch(/can't be reached through closed/);
    await configure('circle');
    expect((await failure(open('prod').connect())).message).toContain('in a circle');
    await configure('-oProxyCommand=id');
    expect((await failure(open('prod').connect())).code).toBe('remote-unreachable');
    await client.trust(first, sshd);
    await configure('first,second');
    expect((await failure(open('prod').connect())).message).toContain(`[127.0.0.1]:${second.port} is not known`);
    await client.trust(first, second);
    expect((await failure(open('prod').connect())).message).toContain(`[127.0.0.1]:${sshd.port} is not known`);
  });

  it.each([
    ['ProxyCommand nc %h %p', /proxycommand .*not supported/],
    ['RevokedHostKeys /etc/ssh/revoked', /revokedhostkeys .*not supported/],
  ])('is refused with %s, which is not understood here', async (line, message) => {
    await client.configure(...client.host('prod', sshd), line);
    expect((await failure(open('prod').connect())).message).toMatch(message);
  });

  it.each(['-oProxyCommand=id', 'a b', '', 'a/b', '-x@prod', 'prod;id', '$(id)', 'x'.repeat(300)])(
    'is no host: %j',
    async (name) => {
      expect((await failure(open(name).connect())).code).toBe('usage');
    },
  );

  it('that does not answer is said to be out of reach', async () => {
    await client.configure(...client.host('prod', sshd), 'Host gone', 'HostName 127.0.0.1', 'Port 1');
    expect(await failure(open('gone').connect())).toMatchObject({
      code: 'remote-unreachable',
      message: expect.stringContaining('gone: no connection to 127.0.0.1'),
    });
  });

  it('runs any program with what it is to read, whole, however much it is', async () => {
    await client.configure(...client.host('prod', sshd));
    await client.trust(sshd);
    const host = open('prod');
    const bytes = randomBytes(6_000_000);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const pieces = [bytes.subarray(0, 1_000), bytes.subarray(1_000)];
    expect(await host.askProgram(['sha256sum', '-'], Readable.from(pieces))).toMatchObject({
      exitCode: 0,
      stdout: `${digest}  -\n`,
    });
    const script = 'printf "%s|" "$0" "$@"';
    const words = ["it's", '$(id)', 'a\nb', '*', '', '"'];
    expect((await host.askProgram(['sh', '-c', script, ...words]))?.stdout).toBe(`${words.join('|')}|`);
  });

  it('is not held up by a program that does not read, nor by input that breaks off', async () => {
    await client.configure(...client.host('prod', sshd));
    await client.trust(sshd);
    const host = open('prod');
    const endless = Readable.from([randomBytes(9_000_000)]);
    expect(await host.askProgram(['sh', '-c', 'echo full >&2; exit 3'], endless)).toMatchObject({
      ...{ exitCode: 3, stderr: 'full\n' },
    });
    const broken = new Readable({ read: () => {} });
    broken.push('half');
    setTimeout(() => broken.destroy(new Error('EIO')), 50);
    await expect(host.askProgram(['sh', '-c', 'cat; sleep 1'], broken)).rejects.toThrow('EIO');
  });
});
