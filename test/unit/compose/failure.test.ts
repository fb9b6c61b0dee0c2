import { describe, expect, test } from 'vitest';
import { runConfig } from '../../../src/compose/config-command.ts';
import { commandFailed, unreachable } from '../../../src/compose/failure.ts';
import { unsetVariables } from '../../../src/compose/render.ts';
import type { CommandResult, CommandRunner } from '../../../src/system/command.ts';

const result = (stderr: string, fields: Partial<CommandResult> = {}): CommandResult => ({
  ...{ exitCode: 1, stdout: '', stderr, timedOut: false },
  ...fields,
});
const answering = (answer: CommandResult): CommandRunner => ({ run: async () => answer });
const call = { directory: '/srv/app', files: ['/srv/app/compose.yml'], profiles: [], name: null, envFiles: [] };
const configError = (stderr: string, exitCode = 15) =>
  runConfig(call, 'interpolated', { environment: {} }, { commands: answering(result(stderr, { exitCode })) }).then(
    () => null,
    (error: unknown) => error,
  );

const WARNING =
  'time="2026-11-21T08:39:41Z" level=warning msg="The \\"NOT_SET\\" variable is not set. Defaulting to a blank string."';

describe('a bad compose file is told in the words of Compose, with the file', () => {
  // Recorded from Compose 2.26.1 and 2.40.3.
  test.each([
    "yaml: line 2: did not find expected ',' or ']'",
    'failed to parse /srv/app/compose.yml: yaml: line 2: found character that cannot start any token',
    'validating /srv/app/compose.yml: services.a Additional property imagee is not allowed',
    "validating /srv/app/compose.yml: services.a additional properties 'imagee' not allowed",
    'Invalid containerPort: b',
    'service "a" depends on undefined service "nope": invalid compose project',
    'dependency cycle detected: a -> b -> a',
    'service "a" has neither an image nor a build context specified: invalid compose project',
    'error while interpolating services.a.image: required variable TAG is missing a value: must be set',
    'invalid interpolation format for services.a.image.\nYou may need to escape any $ with another $.\n${TAG',
    'env file /srv/app/nope.env not found: stat /srv/app/nope.env: no such file or directory',
    'service "a" refers to undefined volume vol: invalid compose project',
    'service "a" refers to undefined network n: invalid compose project',
    'service "a" refers to undefined secret s: invalid compose project',
    'services must be a mapping',
    'empty compose file',
    'open /srv/app/no.yml: no such file or directory',
    'yaml: unmarshal errors:\n  line 4: mapping key "a" already defined at line 2',
    'invalid project name "UP": must consist only of lowercase alphanumeric characters, hyphens, and underscores as well as start with a letter or number',
  ])('%s', async (stderr) => {
    const message = stderr.includes('/srv/app/compose.yml') ? stderr : `/srv/app/compose.yml: ${stderr}`;
    expect(await configError(`${WARNING}\n${stderr}\n`)).toMatchObject({ code: 'compose-invalid', message });
  });

  test('one that takes for ever is said to', async () => {
    const commands = answering(result('', { exitCode: null, timedOut: true }));
    await expect(runConfig(call, 'interpolated', { environment: {} }, { commands })).rejects.toMatchObject({
      code: 'compose-invalid',
      message: '/srv/app/compose.yml: docker compose config took longer than 60 s',
    });
  });
});

test.each([
  ['docker: not found', 127, 'there is no `docker` command', 'install Docker'],
  ["docker: 'compose' is not a docker command.\nSee 'docker --help'", 1, 'is not installed', 'install it'],
  [
    "docker: unknown command: docker compose\n\nRun 'docker --help' for more information",
    1,
    'is not installed',
    'install it',
  ],
  ['unknown flag: --project-name\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]', 125, 'is not installed', 'install it'],
  [
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    1,
    'does not answer',
    'systemctl start docker',
  ],
  [
    'error during connect: Get "http://10.0.0.1:2375/v1.45/info": dial tcp 10.0.0.1:2375: connect: connection refused',
    1,
    'does not answer',
    'DOCKER_HOST',
  ],
  [
    'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock',
    1,
    'may not use',
    'sudo',
  ],
])('%s: Docker can not be used', (stderr, exitCode, message, hint) => {
  expect(unreachable(result(stderr, { exitCode }))).toMatchObject({
    code: 'docker-unreachable',
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });
});

describe('a command that failed', () => {
  test("names what it was to do and docker's last line, without progress and warnings", () => {
    const stderr = `${WARNING}\n Container app-api-1  Creating\n Container app-api-1  Created\n Container app-api-1  Starting\nError response from daemon: driver failed programming external connectivity on endpoint app-api-1: Bind for 0.0.0.0:80 failed: port is already allocated\n`;
    const error = commandFailed('start api', result(stderr));
    expect(error.message).toBe(
      "can't start api: driver failed programming external connectivity on endpoint app-api-1: Bind for 0.0.0.0:80 failed: port is already allocated",
    );
    expect(error.details).toHaveLength(1);
  });

  test("names the engine's reason, not the summary that follows it", () => {
    const stderr = 'Error response from daemon: No such container: x\nError: failed to start containers: x\n';
    expect(commandFailed('start x', result(stderr)).message).toBe("can't start x: No such container: x");
  });

  test('a full disk is a kind of its own', () => {
    expect(commandFailed('save x', result('write /x: no space left on device')).code).toBe('disk-full');
  });

  test.each([
    [
      'driver failed programming external connectivity on endpoint app-api-1: Bind for 0.0.0.0:8080 failed: port is already allocated',
      ['docker ps --filter publish=8080', 'sudo systemctl restart docker'],
    ],
    [
      'driver failed programming external connectivity on endpoint app-api-1: Bind for :::8080 failed: port is already allocated',
      ['docker ps --filter publish=8080'],
    ],
    [
      'driver failed programming external connectivity on endpoint app-api-1: Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use',
      ["sudo ss -ltnup 'sport = :8080'"],
    ],
    ['failed to bind host port for 0.0.0.0:8080:172.18.0.2:80/tcp: address already in use', ["sport = :8080'"]],
  ])('%s: the hint finds who has the port', (reason, hints) => {
    const { hint } = commandFailed('start api', result(`Error response from daemon: ${reason}\n`));
    for (const each of hints) expect(hint).toContain(each);
  });

  test('one without words is told by its exit code, one without end by its time', () => {
    expect(commandFailed('stop x', result('', { exitCode: 3 })).message).toBe("can't stop x: exit code 3");
    expect(commandFailed('stop x', result('', { exitCode: null, timedOut: true })).message).toBe(
      "can't stop x: it took too long",
    );
  });
});

test('variables that are not set are named once, from the warnings of old and new Compose', () => {
  const newer = 'WARN[0000] The "OTHER" variable is not set. Defaulting to a blank string.';
  expect(unsetVariables([WARNING, newer, WARNING].join('\n'))).toEqual(['NOT_SET', 'OTHER']);
  expect(unsetVariables('')).toEqual([]);
});
