import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadHosts } from '../../../src/config/hosts.ts';
import { type Files, failure, load, project } from './project.ts';

const hostsOf = async (files: Files, destination: string | null = null, folder = '') => {
  const directory = await project(files, { bare: true });
  return (await loadHosts({ cwd: join(directory, folder), environment: { HOME: '/home/k' }, destination })).hosts;
};

const FULL = `
hosts:
  prod:
    address: 203.0.113.7
    port: 2222
    user: deploy
    identity_file: ~/.ssh/deploy
    directory: /srv/kaleem
    program: [sudo, -n, /opt/kaleem-deploy]
  staging: {}
`;
const EMPTY = {
  address: null,
  port: null,
  user: null,
  identityFile: null,
  directory: null,
  program: ['kaleem-deploy'],
};

describe('hosts', () => {
  it('come with what the application is called: by the file, else by the folder', async () => {
    const named = await project({ 'kaleem-deploy.yml': 'app: shop' }, { bare: true });
    const plain = await project({ 'compose.yml': '' }, { bare: true });
    const ask = (cwd: string) => loadHosts({ cwd, environment: {}, destination: null });
    expect((await ask(named)).application).toBe('shop');
    expect((await ask(plain)).application).toBe(basename(plain));
  });

  it('are read without an application beside the file, from a folder below too', async () => {
    const files = { 'kaleem-deploy.yml': FULL, 'below/x': '' };
    expect(await hostsOf(files, null, 'below')).toEqual({
      prod: {
        ...{ address: '203.0.113.7', port: 2222, user: 'deploy', identityFile: '/home/k/.ssh/deploy' },
        ...{ directory: '/srv/kaleem', program: ['sudo', '-n', '/opt/kaleem-deploy'] },
      },
      staging: EMPTY,
    });
  });

  it('are none without a file, or without the key', async () => {
    expect(await hostsOf({})).toEqual({});
    expect(await hostsOf({ 'kaleem-deploy.yml': 'app: kaleem\n' })).toEqual({});
  });

  it('are those of the overlay too, which may also be on the server alone', async () => {
    const files = {
      'kaleem-deploy.yml': 'hosts: {prod: {}}',
      'kaleem-deploy.x.yml': 'hosts: {prod: {program: /k}, more: {}}',
    };
    expect(await hostsOf(files, 'x')).toEqual({ prod: { ...EMPTY, program: ['/k'] }, more: EMPTY });
    expect(await hostsOf(files, 'y')).toEqual({ prod: EMPTY });
    expect(await hostsOf({ 'kaleem-deploy.x.yml': 'hosts: {more: {}}' }, null)).toEqual({});
    expect(await hostsOf(files, '../x')).toEqual({ prod: EMPTY });
  });

  it('are part of the whole configuration', async () => {
    const { hosts } = await load(await project({ 'kaleem-deploy.yml': 'hosts: {prod: {identity_file: key}}' }));
    expect(Object.keys(hosts)).toEqual(['prod']);
    expect(hosts.prod?.identityFile).toMatch(/^\/.*\/key$/);
  });

  it.each([
    ['hosts: {-x: {}}', "the key '-x' in hosts must be the name of a host"],
    ['hosts: {prod: {address: -oProxyCommand=id}}', 'hosts.prod.address must be the name or the address of a host'],
    ['hosts: {prod: {address: "a b"}}', 'hosts.prod.address must be'],
    ['hosts: {prod: {port: 0}}', 'hosts.prod.port must be a whole number from 1 to 65535'],
    ['hosts: {prod: {user: -l}}', 'hosts.prod.user must be the name of a user'],
    ['hosts: {prod: {program: []}}', 'hosts.prod.program must be'],
    ['hosts: {prod: {adress: x}}', "did you mean 'address'?"],
    ['hosts: [prod]', 'hosts must be a map of hosts'],
  ])('refuses %s', async (yaml, message) => {
    const error = await failure(hostsOf({ 'kaleem-deploy.yml': yaml }));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toContain(message);
  });

  it('refuses a file that others can change', async () => {
    const error = await failure(hostsOf({ 'kaleem-deploy.yml': { text: FULL, mode: 0o666 } }));
    expect(error.code).toBe('config-unsafe');
  });
});
