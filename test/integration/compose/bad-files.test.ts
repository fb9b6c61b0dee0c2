import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRealProject, type RealProject } from './real-project.ts';

let project: RealProject;
beforeAll(async () => {
  project = await createRealProject({});
});
afterAll(() => project?.remove());

describe('Compose itself refuses, and its words are told', () => {
  test.each([
    ['a list that is not closed', 'services:\n  a:\n    image: [x\n', /did not find expected/],
    ['a tab', 'services:\n\ta:\n', /cannot start any token/],
    ['an unknown key', 'services:\n  a:\n    imagee: x\n', /services\.a.*imagee/],
    ['a port that is none', 'services:\n  a:\n    image: x\n    ports: ["a:b"]\n', /nvalid containerPort: b/],
    [
      'an unknown dependency',
      'services:\n  a:\n    image: x\n    depends_on: [nope]\n',
      /"a" depends on undefined service "nope"/,
    ],
    [
      'a circle',
      'services:\n  a:\n    image: x\n    depends_on: [b]\n  b:\n    image: x\n    depends_on: [a]\n',
      /a -> b -> a|b -> a -> b/,
    ],
    ['a service without image', 'services:\n  a: {}\n', /"a" has neither an image nor a build/],
    ['a required variable', 'services:\n  a:\n    image: ${TAG:?set TAG}\n', /TAG.*set TAG/],
    ['a variable that is not closed', 'services:\n  a:\n    image: ${TAG\n', /nvalid interpolation format/],
    ['an env file that is not there', 'services:\n  a:\n    image: x\n    env_file: nope.env\n', /nope\.env/],
    ['an unknown volume', 'services:\n  a:\n    image: x\n    volumes: ["vol:/x"]\n', /undefined volume vol/],
    ['an unknown network', 'services:\n  a:\n    image: x\n    networks: [n]\n', /undefined network n/],
    ['an unknown secret', 'services:\n  a:\n    image: x\n    secrets: [s]\n', /undefined secret s/],
    ['services that are a list', 'services: []\n', /services must be a mapping/],
    ['an empty file', '', /empty compose file/],
    ['a file to extend that is not there', 'services:\n  a:\n    extends: {file: no.yml, service: a}\n', /no\.yml/],
    ['a file to include that is not there', 'include: [no.yml]\n', /no\.yml/],
    ['a service twice', 'services:\n  a:\n    image: x\n  a:\n    image: y\n', /"a" already defined/],
  ])('%s', async (_, text, words) => {
    await project.write({ 'compose.yml': text });
    const error = await project.render().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'compose-invalid', message: expect.stringMatching(words) });
    expect((error as Error).message).toContain(project.directory);
  });
});

test('no file at all is named', async () => {
  const other = await createRealProject({ x: '' });
  try {
    await expect(other.open()).rejects.toMatchObject({
      code: 'compose-invalid',
      message: expect.stringContaining(`${other.directory}/compose.yml`),
    });
  } finally {
    await other.remove();
  }
});

test.each([
  ['from the folder', 'services: {a: {image: x}}', {}, null],
  ['from the file', 'name: of-the-file\nservices: {a: {image: x}}', {}, 'of-the-file'],
  [
    'from the file and a variable',
    'name: "of-${WHAT}"\nservices: {a: {image: x}}',
    { WHAT: 'variable' },
    'of-variable',
  ],
  ['although a required variable is not set', 'services: {a: {image: "${NOPE:?must be set}"}}', {}, null],
])('the name of a project is taken %s', async (_, text, environment, name) => {
  await project.write({ 'compose.yml': text });
  expect((await project.open(environment)).name).toBe(name ?? project.name);
});

test('the environment goes before .env, and .env counts where the environment says nothing', async () => {
  await project.write({
    'compose.yml': 'services: {a: {image: "x:${ONE}-${TWO}"}}',
    '.env': 'ONE=dotenv\nTWO=dotenv\nCOMPOSE_PROFILES=x\n',
  });
  const { renderProject } = await import('../../../src/compose/render.ts');
  const { systemCommands } = await import('../../../src/system/command.ts');
  const opened = await project.open({ TWO: 'shell', UNRELATED: 'x' });
  expect(opened.environment).not.toHaveProperty('UNRELATED');
  const rendered = await renderProject(opened, { commands: systemCommands });
  expect(rendered.services.a?.image).toBe('x:dotenv-shell');
  const overridden = await renderProject(opened, { commands: systemCommands }, { ONE: 'override' });
  expect(overridden.services.a?.image).toBe('x:override-shell');
});
