// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of YAML are meant.
import { describe, expect, it } from 'vitest';
import { ENV, load, project } from './project.ts';

const gatesOf = async (yaml: string, env = '') => {
  const directory = await project({ 'kaleem-deploy.yml': yaml, '.env': ENV + env });
  return (await load(directory)).gates.after;
};

const only = 'from_env: false, ';

describe('gates of the file', () => {
  it('come in short forms of every type', async () => {
    const yaml = `
gates:
  from_env: false
  defaults: {attempts: 2, interval: 1s, timeout: 3s}
  after:
    - http: https://\${HOST}/health
      status: 204
      body: ok
      json: {$.status: ok, "$.checks[0].up": true, $.error: null}
      headers: {Content-Type: json}
      request_headers: {Authorization: "Bearer \${TOKEN}"}
      within: 8s
    - webhook: http://api:3000/hook
      payload: {id: 1, text: "$5"}
      status: [200, 202]
    - page: http://localhost/
    - tcp: "[::1]:27017"
    - mongo: {env: MONGODB_URI}
      primary: false
    - redis: redis://redis
    - rabbitmq: amqp://rabbitmq
      timeout: 500ms
    - qdrant: http://qdrant:6333
      api_key: {env: TOKEN}
    - container: api
      name: the api
    - command: [node, check.js]
      service: api
      attempts: 1
`;
    const timing = { attempts: 2, intervalMs: 1000, timeoutMs: 3000 };
    expect(await gatesOf(yaml, 'HOST=example.com\nTOKEN=abcdef\n')).toEqual([
      {
        ...timing,
        name: 'http https://example.com/health',
        type: 'http',
        url: 'https://example.com/health',
        timeoutMs: 8000,
        requestHeaders: { authorization: 'Bearer abcdef' },
        expect: {
          status: [204],
          body: 'ok',
          json: { '$.status': 'ok', '$.checks[0].up': true, '$.error': null },
          headers: { 'content-type': 'json' },
          withinMs: 8000,
        },
      },
      {
        ...timing,
        name: 'webhook http://api:3000/hook',
        type: 'webhook',
        url: 'http://api:3000/hook',
        requestHeaders: {},
        payload: '{"id":1,"text":"$5"}',
        expect: { status: [200, 202] },
      },
      { ...timing, name: 'page http://localhost/', type: 'page', url: 'http://localhost/' },
      { ...timing, name: 'tcp [::1]:27017', type: 'tcp', host: '::1', port: 27_017 },
      {
        ...timing,
        name: 'mongo mongodb://mongo:27017/kaleem',
        type: 'mongo',
        uri: 'mongodb://mongo:27017/kaleem',
        primary: false,
      },
      { ...timing, name: 'redis redis://redis', type: 'redis', uri: 'redis://redis' },
      { ...timing, name: 'rabbitmq amqp://rabbitmq', type: 'rabbitmq', uri: 'amqp://rabbitmq', timeoutMs: 500 },
      { ...timing, name: 'qdrant http://qdrant:6333', type: 'qdrant', url: 'http://qdrant:6333', apiKey: 'abcdef' },
      { ...timing, name: 'the api', type: 'container', service: 'api' },
      {
        ...timing,
        name: 'command node in api',
        type: 'command',
        argv: ['node', 'check.js'],
        service: 'api',
        attempts: 1,
      },
    ]);
  });

  it('stand behind those of the environment', async () => {
    const gates = await gatesOf('gates: {after: [{container: api}]}', 'HEALTH_URL=http://localhost:3000/h\n');
    expect(gates.map(({ type }) => type)).toEqual(['mongo', 'http', 'container']);
  });

  it('take the place of one of the environment with the same type and target', async () => {
    const yaml = 'gates: {after: [{http: "http://localhost:3000/h", json: {$.status: ok}, name: health}]}';
    const gates = await gatesOf(yaml, 'HEALTH_URL=http://localhost:3000/h\n');
    expect(gates.map(({ name }) => name)).toEqual(['mongo mongodb://mongo:27017/kaleem', 'health']);
  });

  it('stand alone with `from_env: false`', async () => {
    expect(await gatesOf(`gates: {${only} after: [{container: api}]}`)).toHaveLength(1);
  });

  it('get names of their own, without passwords and queries', async () => {
    const yaml = `gates: {${only} after: [{page: "http://x/?key=1"}, {page: "http://x/?key=2"}, {redis: "redis://:$PW@redis"}]}`;
    const names = (await gatesOf(yaml, 'PW=hunter22\n')).map(({ name }) => name);
    expect(names).toEqual(['page http://x/', 'page http://x/ (2)', 'redis redis://:***@redis']);
  });

  it('prefer the file over MAX_ATTEMPTS and SLEEP_SECONDS', async () => {
    const yaml = `gates: {${only} defaults: {attempts: 5}, after: [{container: api, interval: 2}]}`;
    expect(await gatesOf(yaml, 'MAX_ATTEMPTS=9\nSLEEP_SECONDS=9\n')).toMatchObject([{ attempts: 5, intervalMs: 2000 }]);
  });
});
