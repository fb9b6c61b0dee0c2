import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemCommands } from '../../../src/system/command.ts';
import { type Files, load, project, type Typed } from '../../unit/config/project.ts';

// What `docker compose` finds when it is typed in a folder is the truth; what we pass on explicitly must be the same.

const SERVICE = (name: string, profile?: string) =>
  `services: {${name}: {image: x, environment: {X: "\${X-unset}"}${profile === undefined ? '' : `, profiles: [${profile}]`}}}\n`;
const ENV = 'KALEEM_API_IMAGE=x\nMONGODB_URI=mongodb://m/k\n';

const LAYOUTS: readonly { readonly what: string; readonly files: Files; readonly typed?: Typed }[] = [
  { what: 'one file', files: { 'compose.yml': SERVICE('a'), '.env': `${ENV}X=1\n` } },
  {
    what: 'all names',
    files: {
      'compose.yaml': SERVICE('a'),
      'compose.yml': SERVICE('b'),
      'docker-compose.yml': SERVICE('c'),
      '.env': ENV,
    },
  },
  {
    what: 'the old names',
    files: { 'docker-compose.yml': SERVICE('b'), 'docker-compose.yaml': SERVICE('c'), '.env': ENV },
  },
  {
    what: 'an override of the other ending',
    files: { 'compose.yaml': SERVICE('a'), 'compose.override.yml': SERVICE('b'), '.env': ENV },
  },
  {
    what: 'an override of the old name',
    files: { 'compose.yml': SERVICE('a'), 'docker-compose.override.yml': SERVICE('b'), '.env': ENV },
  },
  {
    what: 'a folder below',
    files: { 'compose.yml': SERVICE('a'), 'compose.override.yaml': SERVICE('b'), '.env': `${ENV}X=up\n`, 'x/y/z': '' },
    typed: { in: 'x/y' },
  },
  {
    what: 'COMPOSE_FILE in .env',
    files: { '.env': `${ENV}COMPOSE_FILE=one.yml:two.yml\n`, 'one.yml': SERVICE('one'), 'two.yml': SERVICE('two') },
  },
  {
    what: 'COMPOSE_FILE in another folder',
    files: {
      '.env': `${ENV}COMPOSE_FILE=sub/one.yml\nX=here\n`,
      'sub/one.yml': SERVICE('one'),
      'sub/.env': 'X=there\n',
    },
  },
  {
    what: 'a separator',
    files: { 'one.yml': SERVICE('one'), 'two.yml': SERVICE('two'), '.env': ENV },
    typed: { environment: { COMPOSE_FILE: 'one.yml,two.yml', COMPOSE_PATH_SEPARATOR: ',' } },
  },
  { what: 'a project name', files: { 'compose.yml': SERVICE('a'), '.env': `${ENV}COMPOSE_PROJECT_NAME=other-name\n` } },
  {
    what: 'profiles',
    files: {
      'compose.yml': SERVICE('a', 'web'),
      'compose.override.yml': SERVICE('b', 'jobs'),
      '.env': `${ENV}COMPOSE_PROFILES=web\n`,
    },
  },
  {
    what: 'several env files',
    files: { 'compose.yml': SERVICE('a'), '.env': 'X=no\n', 'a.env': `${ENV}X=a\n`, 'b.env': 'X=b\n' },
    typed: { environment: { COMPOSE_ENV_FILES: 'a.env,b.env' } },
  },
  {
    what: 'no env file',
    files: { 'compose.yml': SERVICE('a'), '.env': `${ENV}X=no\n` },
    typed: { environment: { COMPOSE_DISABLE_ENV_FILE: 'true', KALEEM_API_IMAGE: 'x', MONGODB_URI: 'mongodb://m/k' } },
  },
];

const render = async (
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<unknown> => {
  const home = { PATH: process.env.PATH ?? '', HOME: '/' };
  const result = await systemCommands.run(['docker', 'compose', ...argv, 'config', '--format', 'json'], {
    cwd,
    env: { ...env, ...home },
    timeoutMs: 20_000,
  });
  expect(result.stderr).not.toContain('error');
  return JSON.parse(result.stdout);
};

describe('compose files, env files, project name and profiles are found as docker compose finds them', () => {
  it.each(LAYOUTS)('$what', async ({ files, typed = {} }) => {
    const directory = await project(files, { bare: true });
    const truth = await render([], join(directory, typed.in ?? ''), typed.environment ?? {});
    const { compose, environment } = await load(directory, typed);
    const ours = [
      ...compose.files.flatMap((file) => ['-f', file]),
      ...(compose.projectName === null ? [] : ['-p', compose.projectName]),
      ...compose.profiles.flatMap((profile) => ['--profile', profile]),
      ...['--project-directory', compose.directory],
    ];
    // In an empty folder, and told not to look for more: everything must come from what we worked out.
    const { COMPOSE_FILE: _, COMPOSE_ENV_FILES: __, COMPOSE_PROFILES: ___, ...rest } = environment;
    expect(await render(ours, '/', { ...rest, COMPOSE_DISABLE_ENV_FILE: '1' })).toEqual(truth);
  });
});
