import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ContainerState } from '../../../src/compose/engine.ts';
import type { RenderedProject, RenderedService } from '../../../src/compose/rendered.ts';
import type { GateSpec, InitSpec } from '../../../src/config/config.ts';
import { initSpecs } from '../../../src/deploy/init/defaults.ts';
import { runningReferences } from '../../../src/deploy/old-good.ts';
import { requireDisk } from '../../../src/deploy/preflight.ts';
import { recordSteps } from '../../../src/deploy/step-recorder.ts';
import { hopelessness, levelsUpTo } from '../../../src/deploy/switch.ts';
import { leadsTo } from '../../../src/deploy/verify.ts';
import { silentProgress } from '../../../src/system/progress.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { byName, container, service, tcp } from '../compose/fixtures.ts';
import { failureOf } from './world.ts';

const project = (...services: readonly RenderedService[]): RenderedProject => ({
  ...{ name: 'shop', services: byName(...services), text: '{}' },
  ...{ imageVariables: {}, unsetVariables: [], namedVariables: [] },
});

describe('init steps', () => {
  test.each([[['mongod', '--replSet', 'rs0', '--bind_ip_all']], [['mongod', '--replSet=rs0']]])(
    'a mongod with %j has its replica set initiated',
    (command) => {
      expect(initSpecs([], project(service('db', [], { command })))).toEqual([
        { type: 'mongo-replica-set', service: 'db', name: 'rs0', host: 'db:27017' },
      ]);
    },
  );

  test('a --replSet without a name is left alone', () => {
    expect(initSpecs([], project(service('db', [], { command: ['mongod', '--replSet'] })))).toEqual([]);
  });

  test.each([
    ['nginx', true],
    ['nginx:1.27', true],
    ['registry.test/library/nginx@sha256:0', true],
    ['nginxinc/nginx-unprivileged:1', true],
    ['not-nginx:1', false],
    ['nginx-exporter:1', false],
  ])('a proxy of image %s is reloaded: %s', (image, reloaded) => {
    const specs = initSpecs([], project(service('api'), service('web', ['api'], { image })));
    expect(specs).toEqual(reloaded ? [{ type: 'nginx-reload', service: 'web' }] : []);
  });

  test('an nginx that waits for nobody is no proxy', () => {
    expect(initSpecs([], project(service('web', [], { image: 'nginx:1' })))).toEqual([]);
  });

  test('what is configured comes instead of the default of its kind, not beside it', () => {
    const own: InitSpec = { type: 'mongo-replica-set', service: 'db', name: 'rs0', host: 'db.lan:27017' };
    const other: InitSpec = { type: 'command', service: 'web', argv: ['true'] };
    const rendered = project(
      service('db', [], { command: ['--replSet', 'rs0'] }),
      service('web', ['db'], { image: 'nginx' }),
    );
    expect(initSpecs([own, other], rendered)).toEqual([own, other, { type: 'nginx-reload', service: 'web' }]);
  });
});

describe('whether a container may still become ready', () => {
  const api = (fields: Partial<ContainerState>) => container('api', fields);
  test.each([
    ['one that runs', api({}), false, null],
    ['one that restarts', api({ state: 'restarting', exitCode: 1 }), false, null],
    [
      'one that exited and is not started again',
      api({ state: 'exited', exitCode: 1 }),
      false,
      'api exited with code 1',
    ],
    ['one that should run and ended well', api({ state: 'exited' }), false, 'api exited with code 0'],
    ['one whose work is done', api({ state: 'exited' }), true, null],
    ['one whose work failed', api({ state: 'exited', exitCode: 2 }), true, 'api exited with code 2'],
    ['one that the engine starts again', api({ state: 'exited', exitCode: 1, restartPolicy: 'always' }), false, null],
    [
      'one that ran out of memory',
      api({ state: 'exited', exitCode: 137, oomKilled: true, restartPolicy: 'always' }),
      false,
      'api exited with code 137, out of memory',
    ],
    ['a dead one', api({ state: 'dead', exitCode: 1, restartPolicy: 'always' }), false, 'api exited with code 1'],
  ])('%s', (_, state, mayExit, expected) => {
    expect(hopelessness(state, mayExit)).toBe(expected);
  });
});

test('the levels up to a service are what it needs, in order, and itself', () => {
  const rendered = project(
    service('volume'),
    service('cache'),
    service('db', ['volume']),
    service('api', ['db', 'cache']),
  );
  const levels = [['cache', 'volume'], ['db'], ['api']];
  expect(levelsUpTo(levels, rendered, 'db')).toEqual([['volume'], ['db']]);
  expect(levelsUpTo(levels, rendered, 'api')).toEqual(levels);
  expect(levelsUpTo(levels, rendered, 'cache')).toEqual([['cache']]);
});

describe('whether a gate leads to the edge', () => {
  const rendered = project(
    service('api', [], { ports: [tcp(3000, 3000)] }),
    service('web', ['api'], { ports: [tcp(80, 80), tcp(443, 443)] }),
  );
  const base = { name: 'gate', attempts: 1, intervalMs: 1, timeoutMs: 1 };
  const page = (url: string): GateSpec => ({ ...base, type: 'page', url });
  test.each([
    ['http://localhost/', true],
    ['http://127.0.0.1:80/x', true],
    ['https://[::1]/', true],
    ['http://web:8080/', true],
    ['http://localhost:3000/', false],
    ['http://api/', false],
    // By its public name it may be anybody's.
    ['http://shop.example/', false],
  ])('%s: %s', (url, expected) => {
    expect(leadsTo(page(url), ['web'], rendered)).toBe(expected);
  });

  test('a TCP gate by its port; a gate without an address never', () => {
    expect(leadsTo({ ...base, type: 'tcp', host: 'localhost', port: 443 }, ['web'], rendered)).toBe(true);
    expect(leadsTo({ ...base, type: 'tcp', host: 'localhost', port: 6379 }, ['web'], rendered)).toBe(false);
    expect(leadsTo({ ...base, type: 'container', service: 'web' }, ['web'], rendered)).toBe(false);
  });
});

describe('what runs, in terms of release variables', () => {
  const context = { config: { images: ['API_IMAGE'] }, project: { name: 'shop' } };
  const rendered = { imageVariables: { api: ['API_IMAGE'] } };
  const live = {
    id: 2,
    images: [
      {
        ...{ variable: 'API_IMAGE', reference: 'repo/api:v2', tag: 'v2', digest: null, imageId: 'sha256:2' },
        pinned: 'repo/api:v2',
      },
    ],
  };
  const runs = (image: string) => runningReferences(context, rendered, [{ service: 'api', image }], live).API_IMAGE;

  test('is what a container was made from', () => {
    expect(runs('repo/api:v3')).toBe('repo/api:v3');
    expect(runs('kaleem-deploy/other:release-2-api')).toBe('kaleem-deploy/other:release-2-api');
  });

  test('is the live release where an undo had to use the tag that holds it', () => {
    expect(runs('kaleem-deploy/shop:release-2-api')).toBe('repo/api:v2');
  });
});

describe('disk', () => {
  test('needs on one file system are added up, those of a directory not made yet too', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kaleem-disk-'));
    try {
      const huge = 2 ** 60;
      await requireDisk([{ path: join(directory, 'backups'), bytes: 1, what: 'the backup' }]);
      const error = await failureOf(
        requireDisk([
          { path: join(directory, 'backups'), bytes: 1_500_000, what: 'the backup' },
          { path: directory, bytes: huge, what: 'images' },
        ]),
      );
      expect(error.code).toBe('disk-full');
      expect(error.message).toContain(`not enough disk at ${join(directory, 'backups')}: `);
      expect(error.message).toContain('(2 MB for the backup, 1152921504607 MB for images)');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

test('the step recorder keeps what every step came to, and leaves out the one that failed', async () => {
  const clock = createFakeClock();
  const seen: string[] = [];
  const progress: typeof silentProgress = {
    ...silentProgress,
    step: (title, run) => run({ detail() {}, bytes() {}, summary: (text) => seen.push(`${title}: ${text}`) }),
  };
  const recorder = recordSteps(progress, clock);
  const value = await recorder.step('count', async (step) => {
    await clock.sleep(1500);
    step.summary('412 documents');
    return 412;
  });
  await recorder.step('rest', async () => {});
  await expect(
    recorder.step('fail', async () => {
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(value).toBe(412);
  expect(seen).toEqual(['count: 412 documents']);
  expect(recorder.steps).toEqual([
    { title: 'count', elapsedMs: 1500, summary: '412 documents' },
    { title: 'rest', elapsedMs: 0, summary: null },
  ]);
});
