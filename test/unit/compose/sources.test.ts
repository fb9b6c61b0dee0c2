import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSources } from '../../../src/compose/sources.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaleem-sources-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
};
const read = (environment: Readonly<Record<string, string>> = {}) =>
  readSources([join(directory, 'compose.yml')], directory, environment);

test('includes, extends and env files are followed, with their own includes', async () => {
  await write({
    'compose.yml': `
include:
  - sub/compose.yml
  - path: [other/a.yml, other/b.yml]
    env_file: other/inc.env
services:
  api:
    extends: {file: base.yml, service: base}
    env_file: [api.env, {path: opt.env, required: false}, missing.env]
`,
    'sub/compose.yml': 'services: {s: {env_file: local.env, image: "${SUB}"}}',
    'sub/local.env': 'A=${LOCAL}',
    'sub/.env': 'B=${SUBDOT}',
    'other/a.yml': 'x-a: ${OA}',
    'other/b.yml': 'x-b: ${OB}',
    'other/inc.env': 'C=${INC}',
    'base.yml': 'services: {base: {image: x, env_file: base.env}}',
    'base.env': 'D=${BASE}',
    'api.env': 'E=${API}',
    'opt.env': 'F=${OPT}',
  });
  const { texts, complete } = await read();
  expect(complete).toBe(true);
  for (const name of ['SUB', 'LOCAL', 'SUBDOT', 'OA', 'OB', 'INC', 'BASE', 'API', 'OPT']) {
    expect(
      texts.some((text) => text.includes(`\${${name}}`)),
      name,
    ).toBe(true);
  }
  expect(texts).toHaveLength(11);
});

test('simple variables in a path are replaced', async () => {
  await write({
    'compose.yml': 'services: {a: {env_file: ["${STAGE}.env", "$STAGE-2.env", "${NONE:-def}.env"]}}',
    'prod.env': 'P=1',
    'prod-2.env': 'P=2',
    'def.env': 'P=3',
  });
  const { texts, complete } = await read({ STAGE: 'prod' });
  expect(texts.slice(1)).toEqual(['P=1', 'P=2', 'P=3']);
  expect(complete).toBe(true);
});

test.each([
  'include: ["oci://docker.io/x/y"]',
  'include: ["https://github.com/x/y.git"]',
  'include: ["git@github.com:x/y.git"]',
  'services: {a: {env_file: "${A:?must be set}.env"}}',
])('%s can not be followed, and that is said', async (text) => {
  await write({ 'compose.yml': text });
  expect((await read()).complete).toBe(false);
});

test('a circle of includes ends', async () => {
  await write({ 'compose.yml': 'include: [b.yml]', 'b.yml': 'include: [compose.yml]' });
  expect((await read()).texts).toHaveLength(2);
});

test('what is no YAML, or not a mapping, still counts as text', async () => {
  await write({ 'compose.yml': 'services: [${A}\n\tx' });
  expect(await read()).toEqual({ texts: ['services: [${A}\n\tx'], complete: true });
  await write({ 'compose.yml': '- ${A}' });
  expect(await read()).toEqual({ texts: ['- ${A}'], complete: true });
});

test('a file that is not there is left to Compose', async () => {
  expect(await read()).toEqual({ texts: [], complete: true });
});
