// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of YAML are meant.
import { describe, expect, it } from 'vitest';
import { maskedConfig } from '../../../src/config/describe.ts';
import { collectSecrets } from '../../../src/config/secrets.ts';
import { maskUri } from '../../../src/config/uri.ts';
import { KEY_VARIABLE } from '../../../src/operation/user.ts';
import { ENV, load, project } from './project.ts';

const SECRETS = {
  MONGO_PASSWORD: 'mongo%40pw1',
  JWT_SECRET: 'jwt-pw2',
  GHCR: 'ghcr-pw3',
  PLAIN: 'plain-pw4',
  QDRANT_API_KEY: 'qdrant-pw5',
  HOOK: 'hook-pw6',
  AWS_SECRET_ACCESS_KEY: 'aws-pw7',
};
const YAML = `
database: {uri: "mongodb://kaleem:\${MONGO_PASSWORD}@mongo/kaleem"}
secrets: [PLAIN, UNSET]
registries: [{server: ghcr.io, username: me, password: {env: GHCR}}]
hooks: {post-deploy: [notify, plain-pw4]}
gates:
  after:
    - http: http://api/\${PLAIN}?token=query-pw8
      request_headers: {Authorization: "Bearer \${HOOK}", Accept: text/html}
`;
const OTHERS = `
QDRANT_URL=http://qdrant:6333
REDIS_URL=redis://:redis-pw9@redis
SMTP_URL=smtps://me:pw:10/odd@mail
TOKEN=true
PIN_CODE_KEY=1234
PASSWORD_FILE=/run/secrets/pw
PUBLIC_NAME=kaleem
${KEY_VARIABLE}=deploy
MONKEY=banana
`;

const config = async () => {
  const variables = Object.entries(SECRETS).map(([name, value]) => `${name}='${value}'\n`);
  return load(await project({ 'kaleem-deploy.yml': YAML, '.env': `${ENV}${variables.join('')}${OTHERS}` }));
};

describe('collectSecrets', () => {
  it('finds what URIs, registries, gates and variables hide, as written and decoded', async () => {
    const found = collectSecrets(await config());
    expect(found).toEqual(expect.arrayContaining([...Object.values(SECRETS), 'mongo@pw1', 'redis-pw9', 'pw:10/odd']));
    expect(found).toContain('query-pw8');
  });

  it('leaves out what would garble the output', async () => {
    const found = collectSecrets(await config());
    for (const harmless of ['true', '1234', '/run/secrets/pw', 'kaleem', 'deploy', 'banana', 'text/html', '']) {
      expect(found).not.toContain(harmless);
    }
  });
});

describe('maskedConfig', () => {
  it('has no secret in it, and still says what is there', async () => {
    const loaded = await config();
    const text = JSON.stringify(maskedConfig(loaded));
    for (const secret of collectSecrets(loaded)) expect(text).not.toContain(secret);
    expect(text).toContain('mongodb://kaleem:***@mongo/kaleem');
    expect(maskedConfig(loaded)).toMatchObject({
      images: ['KALEEM_API_IMAGE'],
      environment: { KALEEM_API_IMAGE: 'ghcr.io/o/r/kaleem-api:v0.0.1' },
      registries: [{ server: 'ghcr.io', username: 'me', password: '***' }],
      secrets: ['***'],
      database: { name: 'kaleem' },
    });
  });

  it('shows nothing of the environment that the configuration does not name', async () => {
    expect(Object.keys(maskedConfig(await config()).environment as object)).toEqual(['KALEEM_API_IMAGE']);
  });
});

describe('maskUri', () => {
  it.each([
    ['mongodb://u:p@h/db', 'mongodb://u:***@h/db'],
    ['mongodb://u:p@ss@h/db', 'mongodb://u:***@h/db'],
    ['mongodb://u:p/w@h', 'mongodb://u:***@h'],
    ['redis://:p@h', 'redis://:***@h'],
    ['u:p@h', 'u:***@h'],
    ['http://localhost:3000/x', 'http://localhost:3000/x'],
    ['http://h/?token=abc&x=1', 'http://h/?token=***&x=1'],
    ['mongodb://h/?tlsCertificateKeyFilePassword=abc', 'mongodb://h/?tlsCertificateKeyFilePassword=***'],
    ['mongodb://u@h/', 'mongodb://u@h/'],
    ['nonsense', 'nonsense'],
  ])('%s becomes %s', (uri, masked) => {
    expect(maskUri(uri)).toBe(masked);
  });
});
