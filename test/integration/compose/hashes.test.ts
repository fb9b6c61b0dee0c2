import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSameDefinition } from '../../../src/compose/create-plan.ts';
import { pinImages, renderFile } from '../../../src/compose/render.ts';
import { systemCommands } from '../../../src/system/command.ts';
import { createRealProject, IMAGE, type RealProject, run, SLEEP } from './real-project.ts';

const COMPOSE = `
include: [inc/compose.yml]
x-common: &common
  init: true
  stop_grace_period: 1s
  command: [sleep, infinity]
services:
  api:
    <<: *common
    image: redis:\${TAG:-none}
    env_file: [app.env, {path: missing.env, required: false}]
    environment:
      - PASSED_THROUGH
      - EMPTY=
      - LITERAL=a$$b
      - UNSET=\${NOT_SET_VAR}
    volumes: ["./site:/site:ro", "data:/var/data", /anonymous]
    configs: [{source: conf, target: /etc/conf}]
    secrets: [sec]
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: ["CMD-SHELL", "test -n \\"$$HOME\\""], interval: 1s}
    labels: {my.label: "v$$\{x}"}
    restart: unless-stopped
    networks: {default: {aliases: [api-alias]}, back: {}}
    deploy: {resources: {limits: {memory: 100M, cpus: "0.5"}}}
    ulimits: {nofile: {soft: 1000, hard: 2000}}
    extra_hosts: ["a.b:1.2.3.4"]
    logging: {driver: json-file, options: {max-size: "10m"}}
    sysctls: {net.core.somaxconn: 1024}
    tmpfs: [/scratch]
  db:
    <<: *common
    image: ${IMAGE}
    volumes: ["db:/db"]
    networks: [back]
    entrypoint: [env, "FOO=$$BAR"]
    healthcheck: {test: [CMD, "true"], interval: 500ms, timeout: 3s, retries: 4, start_period: 1m}
  extended:
    <<: *common
    extends: {file: base.yml, service: base}
  built:
    <<: *common
    build: .
  inline:
    <<: *common
    image: ${IMAGE}
    configs: [{source: inline, target: /etc/inline}]
  debug:
    <<: *common
    image: ${IMAGE}
    profiles: [debug]
configs:
  conf: {file: ./conf.txt}
  inline: {content: "hello \${GREETING} $$literal"}
secrets:
  sec: {file: ./secret.txt}
volumes: {data: {}, db: {}}
networks: {back: {}}
`;

let project: RealProject;
beforeAll(async () => {
  project = await createRealProject({
    'compose.yml': COMPOSE,
    '.env': 'TAG=7\nGREETING=hello world\nFROM_DOTENV=d\n',
    'app.env': "A=1\nB=${GREETING} $$x\nC='single $NOPE'\nD=${FROM_DOTENV}\n",
    'base.yml': `services:\n  base:\n    image: redis:\${TAG}\n    environment: {FROM_BASE: "1"}\n    volumes: ["./data:/data"]\n`,
    'inc/compose.yml': `services:\n  included:\n    image: redis:\${TAG}\n    ${SLEEP}\n    env_file: [inc.env]\n    volumes: ["./data:/d"]\n`,
    'inc/inc.env': 'INC=${GREETING}\n',
    'site/index.html': 'hi',
    'conf.txt': 'conf',
    'secret.txt': 's3cret',
    Dockerfile: `FROM ${IMAGE}\nLABEL built=yes\n`,
  });
  await project.byHand('up', '--detach');
});
afterAll(async () => {
  await project?.remove();
  await run(['docker', 'image', 'rm', '--force', `${project.name}-built`]);
});

const ids = async () => Object.fromEntries((await project.containers()).map(({ service, id }) => [service, id]));

describe('a project that was brought up by hand', () => {
  test('has, rendered, the hashes that its containers carry', async () => {
    const { services } = await project.render();
    const labels = Object.fromEntries((await project.containers()).map((each) => [each.service, each.configHash]));
    expect(Object.fromEntries(Object.entries(services).map(([name, { hash }]) => [name, hash]))).toEqual(labels);
    expect(Object.keys(labels).sort()).toEqual(['api', 'built', 'db', 'extended', 'included', 'inline']);
  });

  test('is left alone by `up` and `create` from the rendered file', async () => {
    const before = await ids();
    const rendered = await project.render();
    const file = await project.store(rendered);
    const client = await project.client();
    await client.create(file, Object.keys(rendered.services), { recreate: 'changed' });
    await client.up(file, Object.keys(rendered.services), { recreate: 'changed' });
    expect(await ids()).toEqual(before);
  });

  test('does not change when a variable of the shell comes or goes that was not set when it was rendered', async () => {
    const rendered = await project.render();
    const file = await project.store(rendered);
    const withVariable = await project.open({ PASSED_THROUGH: 'now set', GREETING: 'bye', TAG: '8' });
    const { services } = await renderFile(withVariable, { commands: systemCommands }, file);
    expect(services).toEqual(rendered.services);
  });

  test('gets a new container only where it is asked for, with the same hash, and `docker compose up` by hand leaves that alone', async () => {
    const before = await ids();
    const client = await project.client();
    await client.up(await project.store(await project.render()), ['api'], { recreate: 'always' });
    const after = await ids();
    expect(after.api).not.toBe(before.api);
    expect({ ...after, api: before.api }).toEqual(before);
    await project.byHand('up', '--detach');
    expect(await ids()).toEqual(after);
    expect((await project.container('api')).workingDirectory).toBe(project.directory);
  });

  test('gets what its configs, secrets and environment say', async () => {
    const client = await project.client();
    await client.up(await project.store(await project.render()), ['inline', 'api'], { recreate: 'always' });
    const read = async (service: string, ...argv: string[]) => {
      const { id } = await project.container(service);
      return (await project.docker.exec(id, argv, { timeoutMs: 10_000 })).stdout.trim();
    };
    expect(await read('inline', 'cat', '/etc/inline')).toBe('hello hello world $literal');
    expect(await read('api', 'cat', '/etc/conf', '/run/secrets/sec')).toBe('confs3cret');
    expect((await read('api', 'env')).split('\n')).toEqual(
      expect.arrayContaining(['A=1', 'B=hello world $x', 'C=single $NOPE', 'D=d', 'LITERAL=a$b', 'UNSET=', 'EMPTY=']),
    );
  });

  test('is seen as changed where it is', async () => {
    const rendered = await project.render({ TAG: 'other' });
    const changed = (await project.containers())
      .filter((each) => {
        const service = rendered.services[each.service];
        return service === undefined || !hasSameDefinition(service, each);
      })
      .map(({ service }) => service);
    expect(changed.sort()).toEqual(['api', 'extended', 'included']);
  });
});

test('what is rendered says what the files say', async () => {
  const rendered = await project.render();
  expect(rendered.name).toBe(project.name);
  expect(rendered.unsetVariables).toEqual(['NOT_SET_VAR']);
  expect(rendered.imageVariables).toMatchObject({
    api: ['TAG'],
    extended: ['TAG'],
    included: ['TAG'],
    db: [],
    built: [],
  });
  expect([...rendered.namedVariables].sort()).toEqual(['FROM_DOTENV', 'GREETING', 'NOPE', 'NOT_SET_VAR', 'TAG']);
  expect(rendered.services.built).toMatchObject({ build: true, image: `${project.name}-built` });
  expect(rendered.services.api).toMatchObject({
    image: 'redis:7',
    build: false,
    dependsOn: { db: { condition: 'service_healthy', required: true } },
    environment: { A: '1', C: 'single $NOPE', PASSED_THROUGH: null, LITERAL: 'a$b' },
    hasHealthcheck: true,
    stopGraceMs: 1_000,
    restart: 'unless-stopped',
    volumes: [{ name: `${project.name}_data`, target: '/var/data' }],
    networks: [`${project.name}_back`, `${project.name}_default`],
  });
  expect([...(rendered.services.api?.bindFiles ?? [])].sort()).toEqual(
    ['conf.txt', 'secret.txt', 'site'].map((name) => join(project.directory, name)),
  );
});

test('a pinned image is what the document says, with a hash of its own', async () => {
  const rendered = await project.render();
  const pin = `redis:7@sha256:${'0'.repeat(64)}`;
  const pinned = await pinImages(await project.open(), { commands: systemCommands }, rendered, { api: pin });
  expect(pinned.services.api?.image).toBe(pin);
  expect(pinned.services.api?.hash).not.toBe(rendered.services.api?.hash);
  expect(pinned.services.db).toEqual(rendered.services.db);
  expect(pinned.imageVariables).toEqual(rendered.imageVariables);
});
