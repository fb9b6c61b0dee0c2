import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPOSE, ENV, type Files, load, project, type Typed } from './project.ts';

// test/integration/config compares these with what docker compose finds.

const bare = { bare: true };
const found = async (files: Files, typed: Typed = {}) => {
  const directory = await project({ '.env': ENV, ...files }, bare);
  const { compose, warnings } = await load(directory, typed);
  const short = (path: string) => path.slice(directory.length + 1);
  return {
    ...compose,
    files: compose.files.map(short),
    directory: short(compose.directory),
    warnings,
    root: directory,
  };
};

describe('the compose file', () => {
  it.each([
    ['compose.yaml', ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']],
    ['compose.yml', ['compose.yml', 'docker-compose.yml', 'docker-compose.yaml']],
    ['docker-compose.yml', ['docker-compose.yml', 'docker-compose.yaml']],
    ['docker-compose.yaml', ['docker-compose.yaml']],
  ])('is %s before those that Compose likes less', async (winner, names) => {
    const { files, warnings } = await found(Object.fromEntries(names.map((name) => [name, COMPOSE])));
    expect(files).toEqual([winner]);
    expect(warnings.some((each) => each.includes(`${winner} is used, as Compose does`))).toBe(names.length > 1);
  });

  it('has its override beside it', async () => {
    const files = { 'compose.yaml': COMPOSE, 'compose.override.yml': 'services: {}\n' };
    expect(await found(files)).toMatchObject({ files: ['compose.yaml', 'compose.override.yml'] });
  });

  it('is looked for in the folders above', async () => {
    const files = { 'a/compose.yml': COMPOSE, 'a/b/c/x': '' };
    expect(
      await found(files, { in: 'a/b/c', environment: { KALEEM_API_IMAGE: 'x', MONGODB_URI: 'mongodb://m/k' } }),
    ).toMatchObject({
      files: ['a/compose.yml'],
      directory: 'a',
    });
  });

  it('may be several, named in COMPOSE_FILE', async () => {
    const env = `${ENV}COMPOSE_FILE=base.yml:over/prod.yml\n`;
    expect(
      await found({ '.env': env, 'base.yml': COMPOSE, 'over/prod.yml': COMPOSE, 'compose.yml': COMPOSE }),
    ).toMatchObject({
      files: ['base.yml', 'over/prod.yml'],
      directory: '',
    });
  });

  it('may be separated by something else', async () => {
    const environment = { COMPOSE_FILE: 'a.yml;b.yml', COMPOSE_PATH_SEPARATOR: ';' };
    expect(await found({ 'a.yml': COMPOSE, 'b.yml': COMPOSE }, { environment })).toMatchObject({
      files: ['a.yml', 'b.yml'],
    });
  });

  it('in another folder brings the `.env` of that folder for what is not set yet', async () => {
    const directory = await project(
      { '.env': 'COMPOSE_FILE=sub/stack.yml\nX=here\n', 'sub/stack.yml': COMPOSE, 'sub/.env': `${ENV}X=there\nY=$X\n` },
      bare,
    );
    const { compose, environment } = await load(directory);
    expect(environment).toMatchObject({ X: 'here', Y: 'here' });
    expect(compose).toMatchObject({
      directory: join(directory, 'sub'),
      envFile: join(directory, 'sub/.env'),
      envFiles: [join(directory, 'sub/.env'), join(directory, '.env')],
    });
  });
});

describe('the rest of what Compose takes from variables', () => {
  it('is the project name and the profiles', async () => {
    const env = `${ENV}COMPOSE_PROJECT_NAME=kaleem\nCOMPOSE_PROFILES=web, jobs,\n`;
    expect(await found({ '.env': env, 'compose.yml': COMPOSE })).toMatchObject({
      projectName: 'kaleem',
      profiles: ['web', 'jobs'],
    });
  });

  it('is the env files, of which the one that sets the image is written', async () => {
    const files = { 'compose.yml': COMPOSE, 'a.env': ENV, 'b.env': 'X=1\n' };
    const { root, ...compose } = await found(files, { environment: { COMPOSE_ENV_FILES: 'a.env,b.env' } });
    expect(compose).toMatchObject({
      envFile: join(root, 'a.env'),
      envFiles: [join(root, 'a.env'), join(root, 'b.env')],
    });
  });

  it('is a `.env` that may be a link: the file behind it is written', async () => {
    const directory = await project({ 'compose.yml': COMPOSE, 'shared/kaleem.env': ENV }, bare);
    await symlink('shared/kaleem.env', join(directory, '.env'));
    expect((await load(directory)).compose.envFile).toBe(join(directory, 'shared/kaleem.env'));
  });

  it('is that there is no env file', async () => {
    const environment = { COMPOSE_DISABLE_ENV_FILE: '1', KALEEM_API_IMAGE: 'x', MONGODB_URI: 'mongodb://m/k' };
    expect(await found({ 'compose.yml': COMPOSE, '.env': 'COMPOSE_PROJECT_NAME=no\n' }, { environment })).toMatchObject(
      {
        projectName: null,
        envFiles: [],
      },
    );
  });

  it('gives way to the configuration file', async () => {
    const files = {
      'kaleem-deploy.yml': 'compose: {files: [a.yml], project: own, profiles: [], directory: sub}\n',
      'a.yml': COMPOSE,
      'sub/.env': ENV,
    };
    const environment = { COMPOSE_FILE: 'b.yml', COMPOSE_PROJECT_NAME: 'other', COMPOSE_PROFILES: 'x' };
    expect(await found(files, { environment })).toMatchObject({
      files: ['a.yml'],
      projectName: 'own',
      profiles: [],
      directory: 'sub',
    });
  });
});
