import { describe, expect, it } from 'vitest';
import { maskedConfig } from '../../../src/config/describe.ts';
import { collectSecrets } from '../../../src/config/secrets.ts';
import { describeBad, INVALID } from './bad-inputs.ts';
import { load, project } from './project.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'an-id', AWS_SECRET_ACCESS_KEY: 'a-secret-key' };
const copies = async (yaml: string, environment: Readonly<Record<string, string>> = {}) => {
  const directory = await project({ 'kaleem-deploy.yml': yaml });
  const config = await load(directory, { environment: { HOME: '/home/me', ...environment } });
  return { directory, config, copies: config.backup.copies };
};

describe('places for copies', () => {
  it('are none unless told', async () => {
    expect((await copies('')).copies).toEqual([]);
  });

  it('over SFTP have what ssh would take for granted', async () => {
    const { copies: found } = await copies(
      'backup: {copies: [{name: attic, url: sftp://backup@attic.example.com/srv/kaleem/}]}\n',
    );
    expect(found).toEqual([
      {
        ...{ type: 'sftp', name: 'attic', url: 'sftp://backup@attic.example.com/srv/kaleem' },
        ...{ host: 'attic.example.com', port: 22, username: 'backup', directory: '/srv/kaleem' },
        ...{ identityFile: null, passphrase: null, knownHosts: '/home/me/.ssh/known_hosts', agent: null },
        ...{ home: '/home/me', keep: expect.objectContaining({ last: 7 }) },
      },
    ]);
  });

  it('over SFTP may be in the home there, at another port, with a key of their own', async () => {
    const yaml = `backup:
  copies:
    - {name: a, url: 'sftp://u@[::1]:2222/~/kaleem', identity_file: ~/.ssh/backup, known_hosts: hosts, passphrase: {env: PHRASE}}
`;
    const { directory, copies: found } = await copies(yaml, { PHRASE: 'open sesame', SSH_AUTH_SOCK: '/run/agent' });
    expect(found[0]).toMatchObject({
      ...{ host: '::1', port: 2222, directory: 'kaleem', identityFile: '/home/me/.ssh/backup' },
      ...{ knownHosts: `${directory}/hosts`, passphrase: 'open sesame', agent: '/run/agent' },
    });
  });

  it('in S3 have the credentials that its other tools use', async () => {
    const { copies: found } = await copies('backup: {copies: [{name: b, url: s3://kaleem-backups}]}\n', KEYS);
    expect(found[0]).toMatchObject({
      ...{ type: 's3', endpoint: 'https://s3.us-east-1.amazonaws.com', region: 'us-east-1', pathStyle: false },
      ...{ bucket: 'kaleem-backups', prefix: '', accessKeyId: 'an-id', secretAccessKey: 'a-secret-key' },
      sessionToken: null,
    });
  });

  it('in S3 may be at a server of another maker', async () => {
    const yaml = `backup:
  copies:
    - name: b
      url: s3://kaleem/prod/
      endpoint: https://minio.example.com:9000/
      region: eu-west-1
      access_key_id: {env: ID}
      secret_access_key: {env: SECRET}
`;
    const { copies: found } = await copies(yaml, { ID: 'mine', SECRET: 'hunter2222' });
    expect(found[0]).toMatchObject({
      ...{ url: 's3://kaleem/prod', prefix: 'prod', endpoint: 'https://minio.example.com:9000', pathStyle: true },
      ...{ region: 'eu-west-1', accessKeyId: 'mine', secretAccessKey: 'hunter2222' },
    });
  });

  it('keep what is kept here, or what they say', async () => {
    const places = 'copies: [{name: a, url: sftp://u@h/a}, {name: b, url: sftp://u@h/b, keep_daily: 3}]';
    const { copies: found } = await copies(`backup: {keep_last: 2, keep_yearly: 1, ${places}}\n`);
    expect(found.map(({ keep }) => [keep.last, keep.daily, keep.yearly])).toEqual([
      [2, 0, 1],
      [0, 3, 0],
    ]);
  });

  it('show none of their secrets', async () => {
    const yaml = `backup:
  copies:
    - {name: a, url: sftp://u@h/a, passphrase: {env: PHRASE}}
    - {name: b, url: s3://bucket, session_token: {env: SESSION}}
`;
    const secrets = { PHRASE: 'open sesame', SESSION: 'token-of-today' };
    const { config } = await copies(yaml, { ...KEYS, ...secrets });
    expect(collectSecrets(config)).toEqual(expect.arrayContaining(['open sesame', 'token-of-today', 'a-secret-key']));
    const shown = JSON.stringify(maskedConfig(config));
    expect(shown).toContain('sftp://u@h/a');
    expect(shown).not.toMatch(/open sesame|token-of-today|a-secret-key/);
  });
});

const one = (place: string): string => `backup: {copies: [{name: a, ${place}}]}\n`;

describeBad('kaleem-deploy.yml with bad places for copies', [
  {
    what: 'no scheme that is known',
    yaml: one('url: ftp://h/a'),
    code: INVALID,
    says: ['sftp://user@host/path or s3://'],
  },
  { what: 'no user', yaml: one('url: sftp://h/a'), code: 'uri-invalid', says: ['it names no user'] },
  { what: 'no folder', yaml: one('url: sftp://u@h'), code: 'uri-invalid', says: ['it names no folder'] },
  { what: 'a way up', yaml: one('url: sftp://u@h/a/../b'), code: 'uri-invalid', says: ["a '.' or '..'"] },
  {
    what: 'a password',
    yaml: one('url: sftp://u:hunter22@h/a'),
    code: 'config-unsafe',
    says: ['has a password in it'],
  },
  { what: 'a key of the other kind', yaml: one('url: sftp://u@h/a, region: x'), code: INVALID, says: ['region'] },
  { what: 'a bucket that is none', yaml: one('url: s3://A_b/c'), code: 'uri-invalid', says: ["'A_b' is not the name"] },
  {
    what: 'no credentials',
    yaml: one('url: s3://bucket'),
    code: 'env-invalid',
    says: ['AWS_ACCESS_KEY_ID is not set'],
  },
  {
    what: 'a secret that stands in the file',
    yaml: one('url: s3://bucket, access_key_id: x, secret_access_key: hunter22'),
    code: INVALID,
    says: ['no secret stands in this file'],
  },
  {
    what: 'a way there in the clear',
    yaml: one('url: s3://bucket, endpoint: "http://minio.example.com", access_key_id: x, secret_access_key: {env: A}'),
    code: 'config-unsafe',
    says: ['would send backups unencrypted'],
    hint: 'https://',
  },
  {
    what: 'the same place twice',
    yaml: 'backup: {copies: [{name: a, url: sftp://u@h/a}, {name: b, url: sftp://u@h/a/}]}\n',
    code: INVALID,
    says: ['sftp://u@h/a is there already'],
  },
]);
