// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of YAML are meant.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPOSE, ENV, load, project } from './project.ts';

const gateNames = (gates: readonly { name: string }[]) => gates.map(({ name }) => name);

describe('without a configuration file', () => {
  it('takes everything from `.env`, as deploy.sh did', async () => {
    const env = `${ENV}REDIS_URL=redis://redis:6379\nQDRANT_URL=http://qdrant:6333\nRABBITMQ_URL=amqp://rabbitmq:5672\nHEALTH_URL=http://localhost:3000/api/health\nMAX_ATTEMPTS=4\nSLEEP_SECONDS=2.5\n`;
    const directory = await project({ '.env': env });
    const config = await load(directory);
    expect(config).toMatchObject({
      app: null,
      destination: null,
      configFiles: [],
      compose: {
        directory,
        files: [join(directory, 'compose.yml')],
        projectName: null,
        profiles: [],
        envFile: join(directory, '.env'),
        envFiles: [join(directory, '.env')],
      },
      images: ['KALEEM_API_IMAGE'],
      attempts: { attempts: 4, intervalMs: 2500 },
      database: { uri: 'mongodb://mongo:27017/kaleem', name: 'kaleem' },
      backup: {
        directory: join(directory, 'backups'),
        keep: { last: 7, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null },
        compression: 6,
        beforeDeploy: 'auto',
        copies: [],
      },
      stateDirectory: join(directory, '.kaleem'),
      stabilityMs: 3000,
      edge: null,
      writers: null,
      order: null,
      fence: { mode: 'auto', retryAfterSeconds: 5 },
      warnings: [],
    });
    expect(config.gates.before).toEqual([]);
    expect(gateNames(config.gates.after)).toEqual([
      'mongo mongodb://mongo:27017/kaleem',
      'redis redis://redis:6379',
      'qdrant http://qdrant:6333',
      'rabbitmq amqp://rabbitmq:5672',
      'http http://localhost:3000/api/health',
    ]);
    expect(config.gates.after.at(-1)).toMatchObject({ attempts: 4, intervalMs: 2500, timeoutMs: 5000, expect: {} });
    expect(config.environment).toMatchObject({ KALEEM_API_IMAGE: 'ghcr.io/o/r/kaleem-api:v0.0.1', MAX_ATTEMPTS: '4' });
  });

  it('lets the environment win over `.env`, even where it is empty', async () => {
    const directory = await project({ '.env': `${ENV}REDIS_URL=redis://file\nMAX_ATTEMPTS=4\n` });
    const config = await load(directory, { environment: { REDIS_URL: '', MAX_ATTEMPTS: '6' } });
    expect(gateNames(config.gates.after)).toEqual(['mongo mongodb://mongo:27017/kaleem']);
    expect(config.attempts).toEqual({ attempts: 6, intervalMs: 20_000 });
  });

  it('works without any env file', async () => {
    const environment = { KALEEM_API_IMAGE: 'api', MONGODB_URI: 'mongodb://u:p%40ss@a,b:27018/?replicaSet=rs0' };
    const directory = await project({ 'compose.yml': COMPOSE }, { bare: true });
    const config = await load(directory, { environment });
    expect(config.database).toEqual({ uri: environment.MONGODB_URI, name: null });
    expect(config.compose).toMatchObject({ envFile: join(directory, '.env'), envFiles: [] });
    expect(config.warnings.join()).toContain('KALEEM_API_IMAGE is set in the environment, which wins over');
  });

  it('warns when nothing asks the application whether it is healthy', async () => {
    expect((await load(await project())).warnings).toEqual([expect.stringContaining('HEALTH_URL is not set')]);
  });

  it.each([
    'mongodb://mongo/kaleem',
    'mongodb://mongo',
    'mongodb://mongo:27017/?replicaSet=rs0',
    'mongodb://us%3Aer:p%2Fw%40@[::1]:27017,mongo-2.internal:27018/kal-eem_1?authSource=admin&appName=a@b',
    'mongodb+srv://u:p@cluster0.abcde.mongodb.net/kaleem?retryWrites=true',
    'mongodb://%2Ftmp%2Fmongodb-27017.sock/kaleem',
    'MongoDB://mongo/kaleem',
  ])('takes the MongoDB URI %s', async (uri) => {
    const config = await load(await project(), { environment: { MONGODB_URI: uri } });
    expect(config.database?.uri).toBe(uri);
  });

  it.each([
    ['REDIS_URL', 'rediss://:p%40ss@redis.example.com:6380/1'],
    ['RABBITMQ_URL', 'amqps://u:p@rabbit/%2Fkaleem'],
    ['QDRANT_URL', 'https://qdrant.example.com:6333'],
    ['HEALTH_URL', 'http://localhost:3000/users/a@b?x=1'],
    ['HEALTH_URL', 'http://[::1]:3000/'],
  ])('takes %s=%s', async (name, value) => {
    const config = await load(await project(), { environment: { [name]: value } });
    expect(config.gates.after).toHaveLength(2);
  });

  it('gives the Qdrant gate its key', async () => {
    const environment = { QDRANT_URL: 'http://qdrant:6333', QDRANT_API_KEY: 'the-key' };
    const config = await load(await project(), { environment });
    expect(config.gates.after[1]).toMatchObject({ type: 'qdrant', apiKey: 'the-key' });
  });
});

describe('with a configuration file', () => {
  it('takes paths from where the file is, wherever the command is typed', async () => {
    const yaml =
      'compose: {files: [../stack/main.yml]}\nstate_directory: ../state\nbackup: {directory: ../dumps}\nhooks: {failed: [./tell, x]}\n';
    const directory = await project({ 'conf/kaleem-deploy.yml': yaml, 'stack/main.yml': COMPOSE, 'stack/.env': ENV });
    const config = await load(directory, { in: 'stack', configPath: '../conf/kaleem-deploy.yml' });
    expect(config).toMatchObject({
      configFiles: [join(directory, 'conf/kaleem-deploy.yml')],
      compose: {
        directory: join(directory, 'stack'),
        files: [join(directory, 'stack/main.yml')],
        envFile: join(directory, 'stack/.env'),
      },
      stateDirectory: join(directory, 'state'),
      backup: { directory: join(directory, 'dumps') },
      hooks: { failed: { argv: [join(directory, 'conf/tell'), 'x'], service: null, timeoutMs: 600_000 } },
    });
  });

  it('is found from a folder below it', async () => {
    const directory = await project({ 'kaleem-deploy.yml': 'app: kaleem\n', 'api/src/x': '' });
    expect(await load(directory, { in: 'api/src' })).toMatchObject({ app: 'kaleem', compose: { directory } });
  });

  it('leaves everything as it was when it is empty or only comments', async () => {
    const directory = await project({ 'kaleem-deploy.yml': '# nothing yet\n' });
    const { configFiles, ...rest } = await load(directory);
    const { configFiles: none, ...bare } = await load(await project().then(() => directory));
    expect(rest).toEqual(bare);
    expect(configFiles).toEqual(none);
  });

  it('keeps the last seven backups unless a rule is given', async () => {
    const keep = async (yaml: string) => {
      const directory = await project({ 'kaleem-deploy.yml': yaml });
      return (await load(directory)).backup.keep;
    };
    const none = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, within: null };
    expect(await keep('backup: {compression: 1}\n')).toEqual({ ...none, last: 7 });
    expect(await keep('backup: {keep_daily: 3}\n')).toEqual({ ...none, daily: 3 });
    expect(
      await keep('backup: {keep_last: 2, keep_hourly: 1, keep_weekly: 4, keep_monthly: 5, keep_yearly: 6}\n'),
    ).toEqual({
      ...{ last: 2, hourly: 1, daily: 0, weekly: 4, monthly: 5, yearly: 6, within: null },
    });
    const within = { years: 1, months: 6, days: 30, hours: 12 };
    expect(await keep('backup: {keep_within: 1y6m30d12h}\n')).toEqual({ ...none, within });
  });

  it('merges the overlay of a destination: maps by key, lists as a whole', async () => {
    const directory = await project({
      'kaleem-deploy.yml': 'compose: {project: kaleem, profiles: [a, b]}\nbackup: {keep_last: 3}\nimages: [A, B]\n',
      'kaleem-deploy.staging.yml':
        'compose: {project: kaleem-staging, env_file: staging.env}\nimages: [A]\ndatabase: none\n',
      'staging.env': 'A=api:v1\n',
    });
    expect(await load(directory, { destination: 'staging' })).toMatchObject({
      destination: 'staging',
      compose: { projectName: 'kaleem-staging', profiles: ['a', 'b'], envFile: join(directory, 'staging.env') },
      images: ['A'],
      backup: { keep: { last: 3 }, directory: join(directory, 'backups/staging') },
      stateDirectory: join(directory, '.kaleem-staging'),
      database: null,
    });
  });

  it('needs no base beside an overlay', async () => {
    const directory = await project({ 'kaleem-deploy.staging.yaml': 'app: x\n' });
    expect(await load(directory, { destination: 'staging' })).toMatchObject({ app: 'x' });
  });

  it('does not read `.env` where it names another env file', async () => {
    const directory = await project({
      'kaleem-deploy.yml': 'compose: {env_file: [base.env, more.env]}\n',
      '.env': 'SHOULD_NOT=be\n',
      'base.env': `${ENV}X=base\nY=$X\n`,
      'more.env': 'X=more\nZ=$X$Y\n',
    });
    const { environment, compose } = await load(directory);
    expect(environment).toMatchObject({ X: 'more', Y: 'base', Z: 'morebase' });
    expect(environment).not.toHaveProperty('SHOULD_NOT');
    expect(compose.envFile).toBe(join(directory, 'base.env'));
  });

  it('understands every section', async () => {
    const yaml = `
app: kaleem
images: KALEEM_API_IMAGE
required: [KALEEM_API_IMAGE]
order: [mongo, api]
writers: none
edge: nginx
fence: {mode: stop, retry_after: 1500ms}
stability: 0
keep_releases: 2
init:
  - mongo-replica-set: mongo
  - {redis-cluster: redis, nodes: [a:1, b:2, c:3]}
  - {qdrant-collection: qdrant, collection: docs, size: 1536}
  - {rabbitmq-queue: rabbitmq, queue: jobs}
  - nginx-reload: nginx
  - {command: [touch, /x], service: api}
hooks:
  migrate: {run: [node, ./migrate.js, 3], service: api, timeout: 30m}
  pre-deploy: [logger, hi]
registries: [{server: "ghcr.io", username: me, password: {env: GHCR}}, {server: "a:5000", username: me, password: {file: pw}}]
secrets: [PLAIN]
database: {uri: "mongodb://kaleem:\${DB_PASSWORD}@mongo/kaleem"}
`;
    const env = `${ENV}GHCR=ghcr-password\nPLAIN=plain-secret\nDB_PASSWORD=db-password\n`;
    const directory = await project({
      'kaleem-deploy.yml': yaml,
      '.env': env,
      pw: { text: 'file-password\n', mode: 0o600 },
    });
    expect(await load(directory)).toMatchObject({
      images: ['KALEEM_API_IMAGE'],
      required: ['KALEEM_API_IMAGE'],
      order: ['mongo', 'api'],
      writers: [],
      edge: ['nginx'],
      fence: { mode: 'stop', retryAfterSeconds: 2 },
      stabilityMs: 0,
      keepReleases: 2,
      init: [
        { type: 'mongo-replica-set', service: 'mongo', name: 'rs0', host: 'mongo:27017' },
        { type: 'redis-cluster', service: 'redis', nodes: ['a:1', 'b:2', 'c:3'], replicas: 0 },
        { type: 'qdrant-collection', service: 'qdrant', collection: 'docs', size: 1536, distance: 'Cosine' },
        { type: 'rabbitmq-queue', service: 'rabbitmq', queue: 'jobs', durable: true },
        { type: 'nginx-reload', service: 'nginx' },
        { type: 'command', service: 'api', argv: ['touch', '/x'] },
      ],
      hooks: {
        migrate: { argv: ['node', './migrate.js', '3'], service: 'api', timeoutMs: 1_800_000 },
        'pre-deploy': { argv: ['logger', 'hi'], service: null },
      },
      registries: [
        { server: 'ghcr.io', username: 'me', password: 'ghcr-password' },
        { server: 'a:5000', username: 'me', password: 'file-password' },
      ],
      secrets: ['plain-secret'],
      database: { uri: 'mongodb://kaleem:db-password@mongo/kaleem', name: 'kaleem' },
    });
  });
});
