import { describe, expect, it } from 'vitest';
import { accountStep, isAccountName } from '../../../../src/remote/setup/account.ts';
import { agentUnit } from '../../../../src/remote/setup/agent-unit.ts';
import { dockerStep } from '../../../../src/remote/setup/docker.ts';
import { copyFirst, folderStep, hasProject, isProjectFolder } from '../../../../src/remote/setup/folder.ts';
import { gateDirectory, gateStep, gateText } from '../../../../src/remote/setup/gate-file.ts';
import { nodeStep } from '../../../../src/remote/setup/node.ts';
import { sudoersOf, sudoStep } from '../../../../src/remote/setup/sudo-rule.ts';
import { launcher, superfluous, toolStep } from '../../../../src/remote/setup/tool.ts';
import { unitStep } from '../../../../src/remote/setup/unit.ts';
import { BARE, decide, foundOf, PLACES, READY, WISHES, would } from './found.ts';

const refused = (message: string) =>
  expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(message) });
type Changes = Readonly<Record<string, string | undefined>>;

describe('Docker', () => {
  it.each<[Changes, string | null]>([
    [{}, null],
    [{ engine: '29.0.0', compose: '5.0.0' }, null],
    [{ compose: undefined }, 'install Compose'],
    [{ compose: '2.25.0' }, 'install Compose'],
    [{ iptables: undefined }, 'install iptables'],
    [{ engine: undefined }, 'start Docker'],
    [{ engine: '20.10.24' }, 'install Docker'],
    [{ dockerd: undefined, engine: undefined, compose: undefined }, 'install Docker, Compose'],
    // An engine that runs without a dockerd on PATH, a snap's: good enough.
    [{ dockerd: undefined }, null],
  ])('with %j: %j', (changes, expected) => expect(would(dockerStep, { ...READY, ...changes })).toBe(expected));

  it('is not replaced under containers that run', () => {
    const old = { ...READY, engine: '20.10.24', containers: 'a1\nb2\n' };
    expect(() => decide(dockerStep, old)).toThrow(refused('Docker 20.10.24 is too old'));
    expect(() => decide(dockerStep, old)).toThrow(refused('2 containers run'));
  });
});

describe('Node', () => {
  it.each<[string, string | null]>([
    ['/usr/bin/node v20.19.0\n', null],
    ['/usr/bin/node v18.20.4\n/opt/kaleem-deploy/node/node v20.20.2\n', null],
    ['/usr/bin/node v18.20.4\n', "install Node 20.19 or newer, or upload this computer's v20.20.2"],
    ['/usr/bin/node \n', "install Node 20.19 or newer, or upload this computer's v20.20.2"],
  ])('of %j: %j', (nodes, expected) => expect(would(nodeStep, { ...BARE, nodes })).toBe(expected));

  it.each([
    { ...WISHES.spareNode, platform: 'darwin' },
    { ...WISHES.spareNode, architecture: 'arm64' },
    { ...WISHES.spareNode, version: 'v18.0.0' },
  ])('is not uploaded where it can not run: %j', (spareNode) => {
    const given = { ...WISHES.spareNode, ...spareNode } as NonNullable<typeof WISHES.spareNode>;
    expect(would(nodeStep, BARE, { spareNode: given })).toBe('install Node 20.19 or newer');
  });
});

describe('the tool', () => {
  const NEW = WISHES.tool.folder;
  const OLD = '0.1.0-aaaaaaaaaaaa';
  const OLDER = '0.0.9-bbbbbbbbbbbb';
  const isOld = { programs: `${OLD}\n`, program: launcher('/usr/bin/node', OLD), 'program-version': '0.1.0' };

  it.each<[Changes, string | null]>([
    [{}, null],
    [{ programs: '', program: undefined, 'program-version': undefined }, `upload ${NEW}`],
    [isOld, `upload ${NEW} instead of ${OLD}`],
    [{ program: launcher('/opt/kaleem-deploy/node/node', NEW) }, `upload ${NEW} instead of ${NEW}`],
    [
      { program: '#!/usr/bin/env node\n', 'program-link': '../lib/node_modules/x' },
      `upload ${NEW} instead of ../lib/node_modules/x`,
    ],
    [{ programs: `${NEW}\n${OLD}\nnode\n` }, null],
    [{ programs: `${NEW}\n${OLD}\n${OLDER}\n` }, `remove ${OLDER}`],
    [{ nodes: '' }, `upload ${NEW} instead of ${NEW}`],
  ])('with %j: %j', (changes, expected) => expect(would(toolStep, { ...READY, ...changes })).toBe(expected));

  it('is not replaced by an older one unasked', () => {
    const newer = {
      ...READY,
      programs: '0.3.0-aaaaaaaaaaaa\n',
      program: launcher('/usr/bin/node', '0.3.0-aaaaaaaaaaaa'),
      'program-version': '0.3.0\n',
    };
    expect(() => decide(toolStep, newer)).toThrow(
      refused('the host has kaleem-deploy 0.3.0, and this is the older 0.2.0'),
    );
    expect(would(toolStep, newer, { downgrade: true })).toBe(`upload ${NEW} instead of 0.3.0-aaaaaaaaaaaa`);
  });

  it('keeps the version before, and removes nothing that is not its own', () => {
    const names = ['node', NEW, OLDER, OLD, 'mine', '..', '-rf', '0.0.1-xyz', ''].join('\n');
    const program = launcher('/usr/bin/node', OLD);
    expect(superfluous(foundOf({ programs: names, program }), NEW)).toEqual([OLDER]);
    expect(superfluous(foundOf({ programs: names, program: launcher('/usr/bin/node', NEW) }), NEW)).toEqual([OLD]);
    expect(
      superfluous(foundOf({ programs: names, program: 'exec node /opt/kaleem-deploy/../x/dist/cli/main.js ' }), NEW),
    ).toEqual([OLDER, OLD]);
  });
});

describe('the account', () => {
  const passwd = (shell: string, uid = '1000') => `deployer:x:${uid}:1000::/home/deployer:${shell}`;

  it('is made where it is missing, and left alone where it is harmless', () => {
    expect(would(accountStep, BARE)).toContain('create the account kaleem-deploy');
    expect(would(accountStep, { ...BARE, passwd: passwd('/bin/bash'), groups: 'deployer users' })).toBeNull();
  });

  it.each([
    [{ passwd: passwd('/bin/sh'), groups: 'deployer docker' }, 'is in group docker'],
    [{ passwd: passwd('/bin/sh'), groups: 'deployer sudo' }, 'is in group sudo'],
    [{ passwd: passwd('/bin/sh', '0'), groups: 'deployer' }, 'is root'],
    [{ passwd: passwd('/usr/sbin/nologin'), groups: 'deployer' }, 'has the shell /usr/sbin/nologin'],
  ])('is refused where it can do more, or nothing: %j', (changes, message) => {
    expect(() => decide(accountStep, { ...BARE, ...changes })).toThrow(refused(message));
  });

  it.each(['root', '', 'Deploy', '-x', 'a b', 'a;b', 'ALL=(root)', '%wheel', 'a'.repeat(33)])(
    'has no name like %j',
    (name) => expect(isAccountName(name)).toBe(false),
  );
});

describe('the sudo rule', () => {
  it('is for one command line, and lets through what sshd says', () => {
    expect(
      sudoersOf('deployer'),
    ).toBe(`# Written by kaleem-deploy setup: the account may be root for this one command line.
Defaults:deployer env_reset, env_keep = "SSH_ORIGINAL_COMMAND SSH_CONNECTION SSH_USER_AUTH"
deployer ALL=(root) NOPASSWD: /usr/local/bin/kaleem-deploy gate --config /etc/kaleem-deploy/gate.yml --key deploy
`);
  });

  it.each<[Changes, string | null]>([
    [{}, null],
    [{ 'sudoers-mode': '0 644' }, `let kaleem-deploy run the gate as root, in ${PLACES.sudoers}`],
    [{ sudoers: sudoersOf('other') }, `let kaleem-deploy run the gate as root, in ${PLACES.sudoers}`],
    [{ sudo: undefined }, `install sudo, let kaleem-deploy run the gate as root, in ${PLACES.sudoers}`],
  ])('with %j: %j', (changes, expected) => expect(would(sudoStep, { ...READY, ...changes })).toBe(expected));

  it('of somebody else is not replaced', () => {
    expect(() => decide(sudoStep, { ...READY, sudoers: 'kaleem-deploy ALL=(ALL) NOPASSWD: ALL\n' })).toThrow(
      refused('setup has not written it'),
    );
  });
});

describe('the folder', () => {
  it.each<[Changes, string | null]>([
    [{}, null],
    [
      { folder: undefined, state: undefined, backups: undefined },
      'create /srv/shop, for the project, its state and its backups',
    ],
    [{ backups: undefined }, 'create /srv/shop/backups'],
    [{ state: undefined, backups: undefined }, 'create /srv/shop/.kaleem and /srv/shop/backups'],
  ])('with %j: %j', (changes, expected) => expect(would(folderStep, { ...READY, ...changes })).toBe(expected));

  it.each([
    [{ folder: 'regular file|0|644' }, '/srv/shop is a regular file'],
    [{ folder: 'directory|1000|777' }, 'can be changed by every user'],
    [{ backups: 'symbolic link|0|777' }, '/srv/shop/backups is a symbolic link'],
  ])('is refused: %j', (changes, message) =>
    expect(() => decide(folderStep, { ...READY, ...changes })).toThrow(refused(message)),
  );

  it.each([
    '/srv/shop',
    '/srv/a b/é',
    '/home/me/shop',
    '/opt/shop',
    '/var/www/shop',
    '/var/lib/shop',
    '/mnt/data/shop',
  ])('may be %j', (path) => expect(isProjectFolder(path)).toBe(true));
  it.each([
    '',
    '/',
    'shop',
    '~/shop',
    '/srv',
    '/srv/',
    '/srv/shop/',
    '/srv/../etc',
    '/srv/./x',
    '/srv//x',
    '/etc/shop',
    '/root/x',
    '/usr/x',
    '/proc',
    '/var/lib',
    '/srv/a\nb',
    '/srv/\u001b[2J',
  ])('may not be %j', (path) => expect(isProjectFolder(path)).toBe(false));

  it('has a project, or lacks one', () => {
    expect([
      hasProject(foundOf({ files: '.env\n' })),
      hasProject(foundOf({ files: 'kaleem-deploy.yml\n' })),
      hasProject(foundOf({})),
    ]).toEqual([false, true, false]);
    expect(copyFirst(foundOf({ files: '.env\nkaleem-deploy.yml\n' }), '/srv/shop')).toContain(
      '/srv/shop has no compose file yet',
    );
    expect(copyFirst(foundOf({ files: 'docker-compose.yml\n' }), '/srv/shop')).toBeNull();
  });
});

describe("the gate's configuration", () => {
  it('gives the key what a deploy needs, and nothing that throws data away', () => {
    expect(gateText("/srv/it's: #1")).toBe(`# Written by kaleem-deploy setup, and yours from now on: docs/gate.md.
directory: "/srv/it's: #1"
keys:
  deploy:
    verbs:
${[
  ...[
    'deploy',
    'rollback',
    'attach',
    'abort',
    'recover',
    'status',
    'history',
    'releases',
    'images',
    'logs',
    'health',
    'doctor',
  ],
  ...['lock status', 'backup create', 'backup list', 'backup show', 'backup verify'],
]
  .map((verb) => `      - ${verb}\n`)
  .join('')}`);
    expect(gateDirectory(foundOf({ gate: gateText("/srv/it's: #1") }))).toBe("/srv/it's: #1");
  });

  it('is written where there is none, and never changed', () => {
    expect(would(gateStep, BARE)).toBe('write /etc/kaleem-deploy/gate.yml, for the key deploy and /srv/shop');
    expect(would(gateStep, { ...BARE, gate: gateText('/srv/shop') })).toBeNull();
    expect(
      would(gateStep, { ...BARE, gate: 'directory: /srv/shop\nkeys: {ci: {verbs: []}, deploy: {verbs: [status]}}' }),
    ).toBeNull();
  });

  it.each([
    [gateText('/srv/other'), 'is about /srv/other, not about /srv/shop'],
    ['directory: /srv/shop\nkeys: {ci: {verbs: [deploy]}}\n', 'has no key deploy'],
    ['directory: /srv/shop\n', 'has no key deploy'],
    ['', 'is about no folder'],
    ['- a', 'is about no folder'],
    ['directory: [', "can't be read"],
  ])('is refused as %j', (gate, message) =>
    expect(() => decide(gateStep, { ...BARE, gate })).toThrow(refused(message)),
  );
});

describe("the agent's unit", () => {
  const unit = agentUnit({ program: PLACES.program, directory: '/srv/shop', config: null });
  const written = { ...READY, unit, 'unit-enabled': 'enabled', 'unit-active': 'inactive', files: '' };

  it.each<[Changes, string | null]>([
    [{}, null],
    [
      { unit: undefined, 'unit-enabled': undefined },
      'write, enable kaleem-deploy-agent.service; it starts once the project is there',
    ],
    [{ 'unit-enabled': 'disabled' }, 'enable kaleem-deploy-agent.service; it starts once the project is there'],
    [{ files: 'compose.yml\n' }, 'start kaleem-deploy-agent.service'],
    [{ files: 'compose.yml\n', 'unit-active': 'active' }, null],
    [
      { files: 'compose.yml\n', 'unit-active': 'active', unit: `${unit}#` },
      'write, enable, restart kaleem-deploy-agent.service',
    ],
    // It has the program that it was started with.
    [
      { files: 'compose.yml\n', 'unit-active': 'active', program: launcher('/usr/bin/node', '0.1.0-aaaaaaaaaaaa') },
      'restart kaleem-deploy-agent.service',
    ],
  ])('with %j: %j', (changes, expected) => expect(would(unitStep, { ...written, ...changes })).toBe(expected));

  it('of somebody else is not replaced', () => {
    expect(() => decide(unitStep, { ...written, unit: '[Service]\nExecStart=/bin/x\n' })).toThrow(
      refused('setup has not written it'),
    );
  });

  it('names its folder and its program, whatever is in their names', () => {
    const text = agentUnit({
      program: '/opt/a b/kaleem-deploy',
      directory: '/srv/100% "of" $HOME',
      config: '/srv/x y/$k.yml',
    });
    expect(text).toContain('\nExecStart="/opt/a b/kaleem-deploy" agent --config "/srv/x y/$$k.yml"\n');
    expect(text).toContain('\nWorkingDirectory=/srv/100%% "of" $HOME\n');
    expect(unit).toContain('\nExecStart=/usr/local/bin/kaleem-deploy agent\n');
  });
});
