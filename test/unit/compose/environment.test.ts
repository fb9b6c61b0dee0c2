import { expect, test } from 'vitest';
import { projectEnvironment, toolEnvironment } from '../../../src/compose/environment.ts';

const environment = {
  PATH: '/usr/bin',
  HOME: '/root',
  DOCKER_HOST: 'unix:///run/x.sock',
  DOCKER_CONFIG: '/c',
  HTTPS_PROXY: 'http://p',
  no_proxy: 'localhost',
  SSH_AUTH_SOCK: '/a',
  XDG_RUNTIME_DIR: '/run/user/0',
  COMPOSE_FILE: 'other.yml',
  COMPOSE_PROFILES: 'debug',
  COMPOSE_PROJECT_NAME: 'other',
  COMPOSE_REMOVE_ORPHANS: '1',
  COMPOSE_PARALLEL_LIMIT: '2',
  PWD: '/somewhere',
  TAG: 'v1',
  TOKEN: 's3cret',
  UNRELATED: 'x',
};

test('what docker needs is kept, what would steer Compose is not, and orphans are safe', () => {
  expect(toolEnvironment(environment, '/srv/app')).toEqual({
    PATH: '/usr/bin',
    HOME: '/root',
    DOCKER_HOST: 'unix:///run/x.sock',
    DOCKER_CONFIG: '/c',
    HTTPS_PROXY: 'http://p',
    no_proxy: 'localhost',
    SSH_AUTH_SOCK: '/a',
    XDG_RUNTIME_DIR: '/run/user/0',
    COMPOSE_PARALLEL_LIMIT: '2',
    COMPOSE_REMOVE_ORPHANS: 'false',
    COMPOSE_IGNORE_ORPHANS: 'true',
    COMPOSE_MENU: 'false',
    PWD: '/srv/app',
  });
});

test('variables that a file names are kept, with a dollar or without', () => {
  const kept = projectEnvironment(environment, '/srv/app', ['image: app:${TAG:-x}', 'environment: [TOKEN]']);
  expect(kept).toMatchObject({ TAG: 'v1', TOKEN: 's3cret', COMPOSE_REMOVE_ORPHANS: 'false', PWD: '/srv/app' });
  expect(kept).not.toHaveProperty('UNRELATED');
  expect(kept).not.toHaveProperty('COMPOSE_FILE');
});

test('when not every file could be read, all is kept but what steers Compose', () => {
  const kept = projectEnvironment(environment, '/srv/app', null);
  expect(kept).toMatchObject({ TAG: 'v1', UNRELATED: 'x', PWD: '/srv/app' });
  expect(
    Object.keys(kept)
      .filter((name) => name.startsWith('COMPOSE_'))
      .sort(),
  ).toEqual(['COMPOSE_IGNORE_ORPHANS', 'COMPOSE_MENU', 'COMPOSE_PARALLEL_LIMIT', 'COMPOSE_REMOVE_ORPHANS']);
});
