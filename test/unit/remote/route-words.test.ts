import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isHostName, isHostWithUser } from '../../../src/config/host-name.ts';
import { remoteCommand } from '../../../src/remote/remote-command.ts';
import { parseSshConfig, type SshContext } from '../../../src/remote/ssh-config.ts';
import { distance, versionIn } from '../../../src/remote/versions.ts';

const CONTEXT: SshContext = {
  name: 'prod',
  home: '/home/k',
  environment: { SSH_AUTH_SOCK: '/run/agent', OTHER: '/x' },
};
const parse = (...lines: readonly string[]) => parseSshConfig(`${lines.join('\n')}\n`, CONTEXT);

describe('names of hosts', () => {
  it.each(['prod', 'a.example.com', '10.0.0.1', '::1', 'fe80::1%eth0', '_x', 'x-1'])('%s is one', (name) => {
    expect(isHostName(name)).toBe(true);
    expect(isHostWithUser(`deploy@${name}`)).toBe(true);
  });
  it.each(['', '-x', '-oProxyCommand=id', 'a b', 'a\n', 'a/b', 'a;b', '$(id)', '.x', 'a@b', `${'a'.repeat(254)}`])(
    '%j is none',
    (name) => {
      expect(isHostName(name)).toBe(false);
    },
  );
  it.each(['-x@prod', '@prod', 'a b@prod', 'deploy@', 'deploy@-x'])('%j is none with a user', (name) => {
    expect(isHostWithUser(name)).toBe(false);
  });
});

describe('what ssh -G says', () => {
  it('is read: names, files, jumps, times', () => {
    expect(
      parse(
        ...[
          'host prod',
          'user deploy',
          'hostname 10.0.0.1',
          'port 2222',
          'identityfile ~/.ssh/%r_%h_%n_%p',
          'identityfile /k/b',
        ],
        ...['identitiesonly yes', 'proxyjump a,b@c:22', 'userknownhostsfile ~/kh /x/kh2', 'globalknownhostsfile none'],
        ...[
          'hostkeyalias the-server',
          'hashknownhosts yes',
          'stricthostkeychecking true',
          'connecttimeout 5',
          'serveraliveinterval 7',
        ],
      ),
    ).toEqual({
      ...{ hostName: '10.0.0.1', port: 2222, user: 'deploy', onlyIdentityFiles: true, agent: '/run/agent' },
      identityFiles: ['/home/k/.ssh/deploy_10.0.0.1_prod_2222', '/k/b'],
      jumps: ['a', 'b@c:22'],
      userKnownHosts: ['/home/k/kh', '/x/kh2'],
      globalKnownHosts: [],
      ...{ hostKeyAlias: 'the-server', hashKnownHosts: true, asksForUnknown: false },
      ...{ connectMs: 5_000, keepaliveMs: 7_000, unsupported: [] },
    });
  });

  it('has defaults where it says nothing', () => {
    expect(parse('connecttimeout none', 'serveraliveinterval 0', 'proxyjump none', 'proxycommand none')).toMatchObject({
      ...{ hostName: 'prod', port: 22, user: userInfo().username, jumps: [], identityFiles: [], unsupported: [] },
      ...{ connectMs: null, keepaliveMs: null, hostKeyAlias: null, asksForUnknown: true, onlyIdentityFiles: false },
    });
  });

  it.each([
    ['none', null],
    ['SSH_AUTH_SOCK', '/run/agent'],
    ['$OTHER', '/x'],
    [`\${OTHER}`, '/x'],
    ['$MISSING', null],
    ['~/agent', '/home/k/agent'],
  ])('has the agent %s', (value, socket) => {
    expect(parse(`identityagent ${value}`).agent).toBe(socket);
  });

  it.each(['accept-new', 'off', 'no', 'ask'])('is not told by StrictHostKeyChecking %s to accept anything', (value) => {
    expect(parse(`stricthostkeychecking ${value}`).asksForUnknown).toBe(true);
  });

  it('names what would make a difference and is not understood', () => {
    expect(parse('proxycommand nc %h %p', 'revokedhostkeys /k').unsupported).toEqual([
      'proxycommand',
      'revokedhostkeys',
    ]);
  });
});

describe('the command for the other host', () => {
  it.each([
    [null, ['kaleem-deploy'], ['v0.0.2', '--json'], 'kaleem-deploy v0.0.2 --json'],
    [null, ['sudo', '-n', '/opt/k d'], ['--image', 'A=v1'], "sudo -n '/opt/k d' --image 'A=v1'"],
    ['/srv/kaleem', ['kaleem-deploy'], ['status'], 'cd /srv/kaleem && exec kaleem-deploy status'],
    ['kaleem', ['kaleem-deploy'], [''], "cd ./kaleem && exec kaleem-deploy ''"],
    ["~/it's", ['kaleem-deploy'], ["a'b"], "cd './it'\\''s' && exec kaleem-deploy 'a'\\''b'"],
    ['~', ['k'], ['~'], "cd . && exec k '~'"],
    ['-x', ['k'], [], 'cd ./-x && exec k'],
  ])('in %j with %j: %j', (directory, program, argv, command) => {
    expect(remoteCommand({ directory, program }, argv)).toBe(command);
  });
});

describe('versions', () => {
  it.each([
    ['0.1.0', '0.1.0', 'same'],
    ['0.1.0', '0.1.7', 'near'],
    ['0.1.0', '0.2.0', 'far'],
    ['1.2.0', '1.9.4', 'near'],
    ['1.2.0', '2.0.0', 'far'],
    ['0.9.0', '1.9.0', 'far'],
    ['1.2.3', '1.2.3-rc.1', 'near'],
  ])('%s and %s: %s', (here, there, expected) => {
    expect(distance(here, there)).toBe(expected);
    expect(distance(there, here)).toBe(expected);
  });

  it('is found behind what a login prints', () => {
    expect(versionIn('Welcome!\n{\n  "version": "0.1.0"\n}\n')).toBe('0.1.0');
    for (const text of ['', '0.1.0', '{"version": 1}', '{"version": "x\u001b[2J"}']) expect(versionIn(text)).toBeNull();
  });
});
