import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RenderedProject } from '../../../src/compose/rendered.ts';
import { putFilesBack, remountedServices, takeSnapshot } from '../../../src/deploy/snapshot.ts';
import { byName, service } from '../compose/fixtures.ts';
import { createWorld, type World } from './world.ts';

let world: World;
let file: (name: string) => string;
let rendered: RenderedProject;

beforeEach(async () => {
  world = await createWorld({ running: false });
  file = (name) => join(world.directory, name);
  await mkdir(file('conf.d/deep'), { recursive: true });
  await mkdir(file('operation'));
  await writeFile(file('web.conf'), 'listen 80');
  await writeFile(file('conf.d/deep/a.conf'), 'a');
  await chmod(file('web.conf'), 0o640);
  rendered = {
    ...{ name: 'shop', text: '{"services":{}}', imageVariables: {}, unsetVariables: [], namedVariables: [] },
    services: byName(
      service('web', [], { bindFiles: [file('web.conf'), file('gone.conf')] }),
      service('api', [], { bindFiles: [file('conf.d')] }),
      service('db'),
    ),
  };
});
afterEach(() => world.remove());

const operation = () => ({ directory: file('operation') });

test('holds the rendered project, the compose files, .env and what is mounted, with modes', async () => {
  const { compose, files } = await takeSnapshot(world.context, rendered);
  expect(compose).toBe(rendered.text);
  const names = files.map(({ path }) => path.slice(world.directory.length + 1)).sort();
  expect(names).toEqual(['.env', 'compose.yml', 'conf.d/deep/a.conf', 'web.conf']);
  expect(files.find(({ path }) => path === file('web.conf'))).toMatchObject({ mode: 0o640 });
});

test('leaves out what is data rather than configuration', async () => {
  await writeFile(file('web.conf'), Buffer.alloc(1024 * 1024 + 1));
  await Promise.all(Array.from({ length: 201 }, (_, at) => writeFile(file(`conf.d/${at}`), '')));
  const { files } = await takeSnapshot(world.context, rendered);
  expect(files.map(({ path }) => path)).toEqual([file('compose.yml'), file('.env')]);
});

test('services are remounted whose file changed or is gone, also below a mounted folder', async () => {
  const snapshot = await takeSnapshot(world.context, rendered);
  expect(await remountedServices(snapshot, rendered)).toEqual(new Set());
  await writeFile(file('.env'), 'changed: mounted by nobody');
  expect(await remountedServices(snapshot, rendered)).toEqual(new Set());
  await writeFile(file('web.conf'), 'listen 81');
  expect(await remountedServices(snapshot, rendered)).toEqual(new Set(['web']));
  await rm(file('conf.d/deep/a.conf'));
  expect(await remountedServices(snapshot, rendered)).toEqual(new Set(['web', 'api']));
});

test('puts mounted files back with their modes, keeps what was there, and says so', async () => {
  const snapshot = await takeSnapshot(world.context, rendered);
  await writeFile(file('web.conf'), 'listen 81');
  await chmod(file('web.conf'), 0o600);
  await rm(file('conf.d'), { recursive: true });
  await putFilesBack({ context: world.context, operation: operation() }, snapshot);
  expect(await readFile(file('web.conf'), 'utf8')).toBe('listen 80');
  expect((await stat(file('web.conf'))).mode & 0o777).toBe(0o640);
  expect(await readFile(file('conf.d/deep/a.conf'), 'utf8')).toBe('a');
  const [kept = '', ...more] = await readdir(file('operation'));
  expect(kept).toMatch(/^replaced-\d+-web\.conf$/);
  expect(more).toEqual([]);
  expect(await readFile(join(file('operation'), kept), 'utf8')).toBe('listen 81');
  expect(world.warnings[0]).toContain(`${file('web.conf')} is the old release's again; what was there is kept as`);
});

test("the user's compose files and .env stay as they are", async () => {
  const snapshot = await takeSnapshot(world.context, rendered);
  await writeFile(file('.env'), 'MINE=1\n');
  await writeFile(file('compose.yml'), '# mine\n');
  await putFilesBack({ context: world.context, operation: operation() }, snapshot);
  expect(await readFile(file('.env'), 'utf8')).toBe('MINE=1\n');
  expect(await readFile(file('compose.yml'), 'utf8')).toBe('# mine\n');
  expect(await readdir(file('operation'))).toEqual([]);
  expect(world.warnings).toEqual([]);
});
