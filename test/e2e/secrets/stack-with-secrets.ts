// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Compose are meant.
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeStack, repository, type Stack } from '../../support/stack.ts';
import { type Sentinel, sentinel } from './sentinels.ts';

const SERVICES = `
  rabbitmq:
    image: rabbitmq:3-management
    hostname: rabbitmq
    restart: unless-stopped
    stop_grace_period: 5s
    environment: { RABBITMQ_DEFAULT_USER: kaleem, RABBITMQ_DEFAULT_PASS: "\${RABBITMQ_PASS}" }
  qdrant:
    image: qdrant/qdrant
    restart: unless-stopped
    stop_grace_period: 2s
`;

/** The password is no argument of a process: the host would show it. */
const REDIS = `image: redis:7
    environment: [REDIS_AUTH]
    command: [sh, -c, 'echo "requirepass $$REDIS_AUTH" | redis-server -']`;

const API = `environment:
      SMTP_PASSWORD: \${SMTP_PASSWORD}
      DEPLOY_TOKEN: \${DEPLOY_TOKEN}
      MAIL_LOGIN: \${MAIL_LOGIN}`;

const HOOK = '#!/bin/sh\ncat .env\nenv >&2\n';

export interface StackWithSecrets {
  readonly stack: Stack;
  readonly sentinels: readonly Sentinel[];
  /** The environment of the command: a home with a Docker config, a folder for temporary files, secrets of its own. */
  readonly environment: Readonly<Record<string, string>>;
  /** A URI of the database with a password, which a server without users refuses. */
  readonly refusedUri: string;
}

/** Secrets in every place that one can come from. `home` is an empty folder; `deadPort` one that nobody listens on. */
export const makeStackWithSecrets = async (home: string, deadPort: number): Promise<StackWithSecrets> => {
  const redis = sentinel('password of REDIS_URL');
  const rabbitmq = sentinel('password of RABBITMQ_URL', '@/%');
  const mongoOption = sentinel('secret option of MONGODB_URI');
  const mongoPassword = sentinel('password of MONGODB_URI');
  const qdrant = sentinel('QDRANT_API_KEY');
  const smtp = sentinel('SMTP_PASSWORD', '"&');
  const token = sentinel('DEPLOY_TOKEN');
  const listed = sentinel('MAIL_LOGIN, listed under secrets');
  const registryByEnv = sentinel('registry password by env');
  const registryByFile = sentinel('registry password by file');
  const dockerConfig = sentinel('auth of the Docker config');
  const ofEnvironment = sentinel('HOOK_TOKEN of the environment');
  const stack = await makeStack({
    variables: {
      MONGODB_URI: `mongodb://mongo:27017/kaleem?tlsCertificateKeyFilePassword=${mongoOption.value}`,
      ...{ REDIS_AUTH: redis.value, REDIS_URL: `redis://:${redis.value}@redis:6379` },
      RABBITMQ_PASS: `'${rabbitmq.value}'`,
      RABBITMQ_URL: `amqp://kaleem:${encodeURIComponent(rabbitmq.value)}@rabbitmq:5672`,
      ...{ QDRANT_URL: 'http://qdrant:6333', QDRANT_API_KEY: qdrant.value },
      ...{ SMTP_PASSWORD: `'${smtp.value}'`, DEPLOY_TOKEN: token.value, MAIL_LOGIN: listed.value },
      ...{ REGISTRY_LOGIN: registryByEnv.value },
    },
  });
  const compose = await stack.read('compose.yml');
  const changed = compose
    .replace('image: redis:7', () => REDIS)
    .replace(/environment:\n(?= {6}MONGODB_URI)/, `${API}\n`)
    .replace('\nvolumes:\n', `${SERVICES}volumes:\n`);
  await stack.write('compose.yml', changed);
  await stack.write(
    'kaleem-deploy.yml',
    JSON.stringify({
      registries: [
        { server: repository().split('/')[0], username: 'kaleem', password: { env: 'REGISTRY_LOGIN' } },
        { server: 'registry.invalid', username: 'kaleem', password: { file: 'registry-password' } },
      ],
      secrets: ['MAIL_LOGIN'],
      // Hooks that blurt out all they know.
      hooks: { 'pre-deploy': ['./hook.sh'], 'post-deploy': ['./hook.sh'], failed: ['./hook.sh'] },
    }),
  );
  await stack.write('registry-password', `${registryByFile.value}\n`);
  await stack.write('hook.sh', HOOK);
  await chmod(join(stack.directory, 'hook.sh'), 0o700);
  await mkdir(join(home, '.docker'), { mode: 0o700 });
  await mkdir(join(home, 'tmp'), { mode: 0o700 });
  const auth = Buffer.from(`kaleem:${dockerConfig.value}`).toString('base64');
  await writeFile(
    join(home, '.docker/config.json'),
    JSON.stringify({ auths: { [`127.0.0.1:${deadPort}`]: { auth } } }),
    { mode: 0o600 },
  );
  return {
    stack,
    refusedUri: `mongodb://kaleem:${mongoPassword.value}@mongo:27017/kaleem`,
    sentinels: [
      ...[redis, rabbitmq, mongoOption, mongoPassword, qdrant, smtp, token, listed],
      ...[registryByEnv, registryByFile, dockerConfig, ofEnvironment],
    ],
    environment: {
      ...{ PATH: process.env.PATH ?? '', HOME: home, TMPDIR: join(home, 'tmp'), NO_COLOR: '1' },
      HOOK_TOKEN: ofEnvironment.value,
    },
  };
};
