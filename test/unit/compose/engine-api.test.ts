import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDocker } from '../../../src/compose/docker.ts';
import type { Docker } from '../../../src/compose/engine.ts';
import { withEngineApi } from '../../../src/compose/engine-api.ts';
import { systemClock } from '../../../src/system/clock.ts';
import type { CommandRunner } from '../../../src/system/command.ts';

let directory: string;
let server: Server | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-engine-'));
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((done) => (server ? server.close(done) : done(null)));
  server = undefined;
  await rm(directory, { recursive: true, force: true });
});

const IMAGE = { Id: 'sha256:1', RepoTags: ['app:v1'], Os: 'linux', Architecture: 'amd64', Size: 7 };

/** A docker command that knows one image of its own, and remembers what it was asked. */
const command = () => {
  const asked: string[] = [];
  const commands: CommandRunner = {
    run: async (argv) => {
      asked.push(argv.slice(1).join(' '));
      return { exitCode: 0, stdout: JSON.stringify([{ ...IMAGE, Id: 'sha256:2' }]), stderr: '', timedOut: false };
    },
  };
  return { asked, commands };
};

const open = async (listener: RequestListener | null, commands: CommandRunner) => {
  const path = join(directory, 'docker.sock');
  if (listener !== null) {
    const started = createServer(listener);
    server = started;
    await new Promise<void>((done) => started.listen(path, done));
  }
  const environment = { DOCKER_HOST: `unix://${path}` };
  return withEngineApi(openDocker({ commands, environment, clock: systemClock }), { commands, environment });
};

const answering =
  (status: number, body: string): RequestListener =>
  (_, response) => {
    response.writeHead(status).end(body);
  };

describe('an image is looked up', () => {
  test('by the engine itself, without starting a process', async () => {
    const { asked, commands } = command();
    const paths: unknown[] = [];
    const docker = await open((request, response) => {
      paths.push(request.url);
      response.end(JSON.stringify(IMAGE));
    }, commands);
    expect(await docker.image('127.0.0.1:5000/a/app:v1@sha256:ab')).toMatchObject({ id: 'sha256:1', sizeBytes: 7 });
    expect(paths).toEqual(['/images/127.0.0.1:5000/a/app:v1@sha256:ab/json']);
    expect(asked).toEqual([]);
  });

  test('and one that is not there is null', async () => {
    const { asked, commands } = command();
    const docker = await open(answering(404, '{"message":"No such image"}'), commands);
    expect(await docker.image('app:v9')).toBeNull();
    expect(asked).toEqual([]);
  });

  test.each([
    ['an engine that answers with an error', answering(500, '{"message":"oops"}')],
    ['an engine that answers with nonsense', answering(200, '<html>')],
    ['an engine that answers with something else', answering(200, '{"Id":3}')],
    ['an engine that is not there', null],
  ])('by the docker command, for %s', async (_, listener) => {
    const { asked, commands } = command();
    const docker = await open(listener, commands);
    expect(await docker.image('app:v1')).toMatchObject({ id: 'sha256:2' });
    expect(asked).toEqual(['image inspect -- app:v1']);
  });

  test('and an abort is not answered by asking again', async () => {
    const { asked, commands } = command();
    const abort = new AbortController();
    const docker = await open(() => abort.abort(new Error('stopped')), commands);
    await expect(docker.image('app:v1', { signal: abort.signal })).rejects.toThrow('stopped');
    expect(asked).toEqual([]);
  });
});

describe('containers are listed', () => {
  test('and one that goes away between the list and the look is left out', async () => {
    const { asked, commands } = command();
    const docker = await open((request, response) => {
      if (request.url?.startsWith('/networks')) response.end('[]');
      else if (request.url?.startsWith('/containers/json?all=true')) response.end('[{"Id":"gone"}]');
      else response.writeHead(404).end('{}');
    }, commands);
    expect(await docker.containers('app', { all: true })).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe('a change', () => {
  /** What the engine was asked: method, path and body. */
  const recording =
    (status: number, asked: string[]): RequestListener =>
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        asked.push(`${request.method} ${request.url} ${Buffer.concat(chunks)}`.trim());
        response.writeHead(status).end();
      });
    };

  test.each<[string, number, (docker: Docker) => Promise<void>, string]>([
    ['stop', 204, (docker) => docker.stop(['a'], 1500), 'POST /containers/a/stop?t=2'],
    ['stop of one that has stopped', 304, (docker) => docker.stop(['a'], 0), 'POST /containers/a/stop?t=0'],
    ['stop of one that is gone', 404, (docker) => docker.stop(['a'], 0), 'POST /containers/a/stop?t=0'],
    ['kill', 204, (docker) => docker.kill(['a']), 'POST /containers/a/kill'],
    ['kill of one that does not run', 409, (docker) => docker.kill(['a']), 'POST /containers/a/kill'],
    ['start', 204, (docker) => docker.start(['a']), 'POST /containers/a/start'],
    ['start of one that runs', 304, (docker) => docker.start(['a']), 'POST /containers/a/start'],
    ['tag', 201, (docker) => docker.tag('sha256:1', 'app/x:v1'), 'POST /images/sha256:1/tag?repo=app%2Fx&tag=v1'],
    [
      'restart policy',
      200,
      (docker) => docker.setRestartPolicy(['a'], 'on-failure:3'),
      'POST /containers/a/update {"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}}',
    ],
  ])('%s is made by the engine itself', async (_, status, change, request) => {
    const { asked, commands } = command();
    const requests: string[] = [];
    await change(await open(recording(status, requests), commands));
    expect(requests).toEqual([request]);
    expect(asked).toEqual([]);
  });

  test.each<[string, number, (docker: Docker) => Promise<void>, string]>([
    ['stop', 500, (docker) => docker.stop(['a'], 1000), 'stop -t 1 -- a'],
    ['kill', 500, (docker) => docker.kill(['a']), 'kill -- a'],
    ['start of one that is gone', 404, (docker) => docker.start(['a']), 'start -- a'],
    ['tag of an image that is gone', 404, (docker) => docker.tag('app:v1', 'x:v1'), 'tag -- app:v1 x:v1'],
    ['restart policy', 400, (docker) => docker.setRestartPolicy(['a'], 'no'), 'update --restart no -- a'],
  ])('%s that the engine refuses is left to the docker command, which says why', async (_, status, change, argv) => {
    const { asked, commands } = command();
    await change(await open(recording(status, []), commands));
    expect(asked).toEqual([argv]);
  });
});
