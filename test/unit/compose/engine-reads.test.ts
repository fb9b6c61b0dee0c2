import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDocker } from '../../../src/compose/docker.ts';
import { withEngineReads } from '../../../src/compose/engine-reads.ts';
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
  return withEngineReads(openDocker({ commands, environment, clock: systemClock }), { commands, environment });
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
