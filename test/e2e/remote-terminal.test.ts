import { execFileSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version-number.ts';
import { builtTool } from '../support/machine.ts';
import { onTerminal } from '../support/pty.ts';
import { makeSshClient, type SshClient } from '../support/ssh-client.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

const SECRET = 'a long secret';

/** Has the version that it is told to have; destroys something with --dry-run, and says what it was given. */
const STAND_IN = `#!${process.execPath}
const argv = process.argv.slice(2);
const print = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
if (argv[0] === 'version') print({ version: process.env.STAND_IN_VERSION ?? '${VERSION}' });
else if (argv.includes('history')) print([]);
else if (argv.includes('--dry-run') && argv.includes('13')) {
  print({ error: { code: 'not-found', message: 'there is no backup 13', hint: null, details: [] }, exitCode: 12 });
  process.exitCode = 12;
} else if (argv.includes('--dry-run')) print({ destroys: ['drop everything'] });
else print({ argv });
`;

/** What changes something is asked for under a name, so that it is done once. */
const askedFor = (words: string): RegExp => new RegExp(`\\{"argv":\\["--request-id","[0-9a-f-]{36}",${words}\\]\\}`);

describe('a terminal with --host', () => {
  let sshd: Sshd;
  let laptop: SshClient;
  let program: string;

  const typed = (...argv: readonly string[]) =>
    onTerminal([process.execPath, builtTool(), '--host', 'prod', ...argv], {
      ...{ cwd: laptop.folder, env: { ...laptop.environment, NO_COLOR: '1' }, timeoutMs: 60_000 },
    });
  const configure = (version: string, identity_file: string) =>
    writeFile(
      join(laptop.folder, 'kaleem-deploy.yml'),
      JSON.stringify({ hosts: { prod: { program: ['env', `STAND_IN_VERSION=${version}`, program], identity_file } } }),
      { mode: 0o600 },
    );

  beforeAll(async () => {
    sshd = await startSshd();
    laptop = await makeSshClient();
    program = join(laptop.folder, 'stand-in');
    await writeFile(program, STAND_IN);
    await chmod(program, 0o755);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', SECRET, '-f', sshd.at('encrypted')]);
    await writeFile(sshd.at('authorized_keys'), await readFile(sshd.at('encrypted.pub')), { flag: 'a' });
    await laptop.configure(...laptop.host('prod', sshd));
  });
  afterAll(async () => {
    await sshd?.stop();
    await laptop?.cleanup();
  });
  beforeEach(async () => {
    await laptop.trust(sshd);
    await configure(VERSION, sshd.userKey);
  });

  it('is asked for a passphrase, which is not shown, until it is right', async () => {
    await configure(VERSION, sshd.at('encrypted'));
    const run = typed('status');
    await run.type(`passphrase of ${sshd.at('encrypted')}: `, 'wrong\r');
    await run.type('that is not it; passphrase of', `${SECRET}x\x7f\r`);
    const { code, shown } = await run.ended;
    expect(shown).toContain('{"argv":["status"]}');
    expect(code).toBe(0);
    expect(shown).not.toContain('secret');
    expect(shown).not.toContain('wrong');
  });

  it('may press Ctrl-C instead of a passphrase', async () => {
    await configure(VERSION, sshd.at('encrypted'));
    const run = typed('status');
    await run.type('passphrase of ', 'half\x03');
    expect(await run.ended).toMatchObject({ code: 130, shown: expect.stringContaining('interrupted') });
  });

  it.each([
    ['yes', 0],
    ['no', 40],
  ])('is asked about a host that is not known: %s', async (answer, exitCode) => {
    await writeFile(laptop.knownHosts, '');
    const run = typed('status');
    await run.type('is it the same? [y/N] ', `${answer}\n`);
    const { code, shown } = await run.ended;
    expect(shown).toContain(`the host key of [127.0.0.1]:${sshd.port} is not known: ssh-ed25519 SHA256:`);
    expect(code).toBe(exitCode);
    expect((await readFile(laptop.knownHosts, 'utf8')) === '').toBe(answer === 'no');
  });

  it.each([
    ['y', 0],
    ['n', 2],
  ])('is asked here before something is destroyed there: %s', async (answer, exitCode) => {
    const run = typed('backup', 'prune', '-d', 'staging');
    await run.type('go on? [y/N] ', `${answer}\n`);
    const { code, shown } = await run.ended;
    expect(shown).toContain('on prod will:');
    expect(shown).toContain('  - drop everything');
    expect(askedFor('"--yes","backup","prune","-d","staging"').test(shown)).toBe(answer === 'y');
    expect(code).toBe(exitCode);
  });

  it('is asked nothing where the plan there says what is wrong', async () => {
    const { code, shown } = await typed('backup', 'restore', '13').ended;
    expect(shown).toContain('error: there is no backup 13');
    expect(shown).not.toContain('go on?');
    expect(code).toBe(12);
  });

  it('may name another user of a host that the configuration knows', async () => {
    const run = onTerminal([process.execPath, builtTool(), '--host', `${sshd.username}@prod`, 'status'], {
      ...{ cwd: laptop.folder, env: laptop.environment, timeoutMs: 60_000 },
    });
    expect(await run.ended).toMatchObject({ code: 0, shown: expect.stringContaining('{"argv":["status"]}') });
    const nobody = onTerminal([process.execPath, builtTool(), '--host', 'no-such-user@prod', 'status'], {
      ...{ cwd: laptop.folder, env: laptop.environment, timeoutMs: 60_000 },
    });
    expect(await nobody.ended).toMatchObject({
      code: 40,
      shown: expect.stringContaining('does not let no-such-user in'),
    });
  });

  it('is told of another version, and refused what would change something by one that is too far off', async () => {
    await configure(`${VERSION}-near`, sshd.userKey);
    const near = await typed('backup', 'create').ended;
    expect(near.shown).toContain(`prod has kaleem-deploy ${VERSION}-near, and this is ${VERSION}`);
    expect(near).toMatchObject({ code: 0, shown: expect.stringMatching(askedFor('"backup","create"')) });
    await configure('99.0.0', sshd.userKey);
    expect(await typed('status').ended).toMatchObject({ code: 0, shown: expect.stringContaining('99.0.0') });
    const far = await typed('backup', 'create').ended;
    expect(far).toMatchObject({ code: 12, shown: expect.stringContaining('they have not been tried together') });
    expect(far.shown).not.toContain('"argv"');
    const rehearsed = await typed('backup', 'create', '--dry-run').ended;
    expect(rehearsed.code).toBe(0);
  });

  it('is told where there is no such program', async () => {
    await configure('1', sshd.userKey);
    await writeFile(
      join(laptop.folder, 'kaleem-deploy.yml'),
      JSON.stringify({ hosts: { prod: { program: '/no/such/program' } } }),
    );
    const { code, shown } = await typed('status').ended;
    expect(shown).toContain('prod does not say which kaleem-deploy it has: ');
    expect(shown).toContain('/no/such/program');
    expect(code).toBe(40);
  });
});
