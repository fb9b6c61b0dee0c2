import { expect, test } from 'vitest';
import {
  configArguments,
  downArguments,
  renderedCall,
  runArguments,
  upArguments,
} from '../../../src/compose/arguments.ts';

const call = {
  directory: '/srv/app',
  files: ['/srv/app/compose.yml', '/srv/app/compose.prod.yml'],
  profiles: ['debug', 'tools'],
  name: 'kaleem',
  envFiles: ['/srv/app/.env', '/srv/app/prod.env'],
};
const own =
  'docker compose --project-name kaleem --project-directory /srv/app --env-file /srv/app/.env --env-file /srv/app/prod.env --file /srv/app/compose.yml --file /srv/app/compose.prod.yml --profile debug --profile tools'.split(
    ' ',
  );
const rendered =
  'docker compose --project-name kaleem --project-directory /srv/app --env-file /dev/null --file /state/3.json --profile debug --profile tools'.split(
    ' ',
  );
const file = renderedCall(call, '/state/3.json');

test("config of the user's own files says files, profiles, name and .env", () => {
  expect(configArguments(call, 'interpolated')).toEqual([...own, 'config', '--format', 'json']);
  expect(configArguments(call, 'as-written')).toEqual([...own, 'config', '--no-interpolate', '--format', 'json']);
});

test('a rendered file is read without any .env', () => {
  expect(configArguments(file, 'hashes')).toEqual([...rendered, 'config', '--hash', '*']);
});

test('before the name is known it is left to Compose', () => {
  expect(configArguments({ ...call, name: null, profiles: [], envFiles: [] }, 'as-written').slice(0, 8)).toEqual(
    'docker compose --project-directory /srv/app --env-file /dev/null --file /srv/app/compose.yml'.split(' '),
  );
});

test.each([
  [
    { start: true, dependencies: false, recreate: 'never' as const },
    'up --detach --no-deps --no-build --pull never --no-recreate -- api nginx',
  ],
  [
    { start: false, dependencies: true, recreate: 'always' as const },
    'up --no-start --no-build --pull never --force-recreate -- api nginx',
  ],
])('up never builds or pulls: %j', (options, words) => {
  expect(upArguments(file, { ...options, services: ['api', 'nginx'] })).toEqual([...rendered, ...words.split(' ')]);
});

test("run labels the container, names variables without values, and leaves the command's own dashes alone", () => {
  const argv = ['node', 'migrate.js', '--', '-x', 'a b'];
  const options = {
    service: 'api',
    argv,
    labels: { 'kaleem-deploy.operation': '000001-ab12' },
    variables: ['TAG', 'SECRET'],
  };
  expect(runArguments(file, options)).toEqual([
    ...rendered,
    ...'run --rm --no-deps --no-TTY --interactive=false --quiet-pull --label kaleem-deploy.operation=000001-ab12 --env TAG --env SECRET -- api'.split(
      ' ',
    ),
    ...argv,
  ]);
});

test('down keeps volumes', () => {
  expect(downArguments(file)).toEqual([...rendered, 'down']);
});
