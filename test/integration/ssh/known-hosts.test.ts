import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemCommands } from '../../../src/system/command.ts';
import { findKnownHost, type KnownHost } from '../../../src/system/ssh/known-hosts.ts';
import { fingerprint, knownName } from '../../../src/system/ssh/public-key.ts';
import { keyOf, knownLine } from '../../support/public-keys.ts';

const KEY = keyOf('ssh-ed25519', 'one');
const OTHER = keyOf('ssh-ed25519', 'two');
const line = (hosts: string, key = KEY): string => knownLine(hosts, key);

describe('known_hosts, asked of ssh-keygen', () => {
  let folder: string;
  let count = 0;

  const write = async (text: string): Promise<string> => {
    count += 1;
    const path = join(folder, `known_hosts_${count}`);
    await writeFile(path, text);
    return path;
  };
  const look = async (name: string, ...texts: readonly string[]): Promise<KnownHost> =>
    findKnownHost(name, await Promise.all(texts.map(write)), {
      commands: systemCommands,
      signal: new AbortController().signal,
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-known-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['the name alone', line('attic'), 'attic', 22],
    ['one of several names', line('10.0.0.1,attic'), 'attic', 22],
    ['in another case', line('attic'), 'ATTIC', 22],
    ['a pattern', line('*.example.com'), 'attic.example.com', 22],
    ['a pattern of one character', line('attic?'), 'attic1', 22],
    ['a port of its own', line('[attic]:2222'), 'attic', 2222],
    ['after comments and empty lines', `# attic\n\n\t${line('attic')}`, 'attic', 22],
    // ssh-keygen -H of `attic ssh-ed25519 ...`, worked out by openssl: HMAC-SHA1 of the name with the salt.
    ['a hash', line('|1|c2FsdHNhbHRzYWx0c2FsdHNhbHQ=|khWx7vkHed4jmdI3HrKYzGJD3jI='), 'attic', 22],
  ])('knows a key by %s', async (_, text, host, port) => {
    const known = await look(knownName(host, port), text);
    expect(known.judge(KEY)).toEqual({ is: 'known' });
    expect(known.judge(OTHER)).toMatchObject({ is: 'changed' });
  });

  it.each([
    ['nothing', '', 'attic', 22],
    ['another host', line('cellar'), 'attic', 22],
    ['a name within the name', line('tic'), 'attic', 22],
    ['the host at another port', line('attic'), 'attic', 2222],
    ['a pattern that leaves it out', line('*.example.com,!attic.example.com'), 'attic.example.com', 22],
    ['a dot that is no pattern', line('a.tic'), 'attic', 22],
  ])('knows no key by %s', async (_, text, host, port) => {
    expect((await look(knownName(host, port), text)).judge(KEY)).toEqual({ is: 'unknown', authority: null });
  });

  it('says where the old key of a host that has changed stands', async () => {
    const known = await look('attic', '', `# a comment\n${line('cellar')}${line('attic', OTHER)}`);
    expect(known.judge(KEY)).toMatchObject({
      is: 'changed',
      old: { file: join(folder, `known_hosts_${count}`), line: 3, key: OTHER.toString('base64') },
    });
  });

  it('says of a certificate authority where it stands, and does not take it for a key', async () => {
    const known = await look('attic', `@cert-authority ${line('attic')}`);
    expect(known.judge(KEY)).toMatchObject({ is: 'unknown', authority: { line: 1 } });
  });

  it('knows a revoked one, whatever else it says, in whichever file', async () => {
    const known = await look('attic', line('attic'), `@revoked ${line('*')}`);
    expect(known.judge(KEY)).toMatchObject({ is: 'revoked', by: { line: 1 } });
    expect(known.judge(OTHER)).toMatchObject({ is: 'changed' });
  });

  it('reads what ssh-keygen -H has hashed, at a port too', async () => {
    const path = await write(line('[attic]:2222') + line('cellar', OTHER));
    execFileSync('ssh-keygen', ['-q', '-H', '-f', path], { stdio: 'ignore' });
    const options = { commands: systemCommands, signal: new AbortController().signal };
    expect((await findKnownHost('[attic]:2222', [path], options)).judge(KEY)).toEqual({ is: 'known' });
    expect((await findKnownHost('cellar', [path], options)).judge(KEY)).toMatchObject({ is: 'changed' });
  });

  it('does without files that are not there', async () => {
    const options = { commands: systemCommands, signal: new AbortController().signal };
    const known = await findKnownHost('attic', [join(folder, 'no-such-file')], options);
    expect(known.judge(KEY)).toEqual({ is: 'unknown', authority: null });
  });

  it('says what is missing where there is no ssh-keygen', async () => {
    const path = await write(line('attic'));
    const commands: typeof systemCommands = {
      run: (argv, given) => systemCommands.run(argv, { ...given, env: { PATH: folder } }),
    };
    const looking = findKnownHost('attic', [path], { commands, signal: new AbortController().signal });
    await expect(looking).rejects.toMatchObject({ hint: 'sudo apt-get install openssh-client' });
  });

  it('shows a key as ssh-keygen does', async () => {
    const path = await write(line('attic'));
    expect(execFileSync('ssh-keygen', ['-l', '-f', path], { encoding: 'utf8' })).toContain(fingerprint(KEY));
  });
});
