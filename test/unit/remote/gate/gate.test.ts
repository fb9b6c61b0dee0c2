import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Io } from '../../../../src/cli/io.ts';
import type { App } from '../../../../src/deploy/app.ts';
import { handleFailpoints } from '../../../../src/system/failpoints/armed.ts';
import { HOSTILE_RIGHTS, hostileCommands } from '../../../support/hostile-commands.ts';
import { status } from '../../cli/fixtures.ts';
import { config, type Run, run } from '../../cli/support.ts';
import { gateFolder, recorded } from './folder.ts';

const YAML = `directory: app\nconfig: app/kaleem-deploy.yml\nkeys:\n  ci: ${HOSTILE_RIGHTS}\n`;

interface Attempt extends Run {
  /** Where it went, when it was let through. */
  readonly moved: Parameters<Io['move']>[0] | undefined;
}

const attempt = async (
  folder: string,
  command: string | undefined,
  {
    app,
    key = 'ci',
    env = {},
  }: { readonly app?: Partial<App>; readonly key?: string; readonly env?: Record<string, string> } = {},
): Promise<Attempt> => {
  const move = vi.fn<Io['move']>();
  const ended = await run(['gate', '--config', join(folder, 'gate.yml'), '--key', key], {
    env: { ...env, ...(command === undefined ? {} : { SSH_ORIGINAL_COMMAND: command }) },
    cwd: '/',
    move,
    ...(app === undefined ? {} : { app, config: config() }),
  });
  return { ...ended, moved: move.mock.calls[0]?.[0] };
};

/** From 0 to 1, the same each time (mulberry32). */
const numbers = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

describe('hostile commands', () => {
  it('are all refused and written down, and nothing runs', async () => {
    const folder = await gateFolder(YAML);
    const commands = [...new Set(hostileCommands('/tmp/kaleem-canary'))];
    expect(commands.length).toBeGreaterThan(300);
    for (const command of commands) {
      const { exitCode, moved, out, err } = await attempt(folder, command);
      // What runs anything moves first, and loads the configuration: exit 1 in these tests.
      expect({ command, exitCode, moved }).toEqual({ command, exitCode: 40, moved: undefined });
      expect(out + err).toMatch(/key ci may: deploy TAG, .*, version/);
      expect(out + err).toMatch(/^[\x20-\x7e\n]+$/);
    }
    const lines = await recorded(join(folder, 'app/.kaleem/gate'));
    expect(lines.map(({ outcome }) => outcome)).toEqual(commands.map(() => 'refused'));
    expect(lines.map(({ command }) => command)).toEqual(commands.map((command) => command.slice(0, 256) || null));
    expect(await readdir(join(folder, 'app'))).toEqual(['.kaleem']);
  }, 120_000);

  it('are those too that chance makes of good ones', async () => {
    const folder = await gateFolder(YAML);
    const random = numbers(20_261_122);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const good = [
      'status',
      'v1.0.0',
      'deploy v1 --image A=v2',
      'logs -f --tail=5 api',
      'backup show 12',
      '--json history -n 5',
    ];
    const bad = [
      ...';|&$`<>(){}[]*?~#!"\\^',
      '\n',
      '\r',
      '\t',
      '\x00',
      '\x1b',
      '\x7f',
      '\u00e9',
      '\u2028',
      ' -c /x',
      ' --config=/x',
      ' ../x',
    ];
    for (let round = 0; round < 400; round += 1) {
      const command = `kaleem-deploy ${pick(good)}`;
      const at = Math.floor(random() * (command.length + 1));
      const spoiled = `${command.slice(0, at)}${pick(bad)}${command.slice(at)}`;
      const { exitCode, moved } = await attempt(folder, spoiled);
      expect({ spoiled, exitCode, moved }).toEqual({ spoiled, exitCode: 40, moved: undefined });
    }
  }, 120_000);
});

describe('a gate', () => {
  it('runs what is allowed, in its own folder and environment', async () => {
    const folder = await gateFolder(`${YAML}environment: { DOCKER_HOST: unix:///run/mine.sock }\n`);
    const app = { status: async () => status };
    const hostile = {
      ...{ PATH: '/tmp/evil', HOME: '/tmp/evil', NODE_OPTIONS: '--require=/tmp/evil.js', LD_PRELOAD: '/tmp/evil.so' },
      ...{
        DOCKER_HOST: 'tcp://evil',
        COMPOSE_FILE: '/tmp/evil.yml',
        KALEEM_API_IMAGE: 'evil',
        SUDO_USER: 'root',
        LC_ALL: 'x',
      },
      ...{
        KALEEM_DEPLOY_KEY_NAME: 'boss',
        KALEEM_DEPLOY_RUNNER: '0123456789abcdef',
        KALEEM_FAILPOINTS: 'x',
        XDG_RUNTIME_DIR: '/tmp/evil',
      },
    };
    const { exitCode, moved, out } = await attempt(folder, 'kaleem-deploy status --json', { app, env: hostile });
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ project: status.project });
    const { XDG_RUNTIME_DIR: _, ...env } = moved?.env ?? {};
    expect(env).toEqual({
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ...{ HOME: expect.stringMatching(/^\//), USER: expect.any(String), LOGNAME: env.USER, LANG: 'C.UTF-8' },
      ...{ DOCKER_HOST: 'unix:///run/mine.sock', KALEEM_DEPLOY_KEY_NAME: 'ci' },
    });
    expect(JSON.stringify(moved)).not.toContain('evil');
    expect(moved?.cwd).toBe(join(folder, 'app'));
    expect(await recorded(join(folder, 'app/.kaleem/gate'))).toEqual([
      {
        ...{
          at: '2026-03-01T12:00:00.000Z',
          outcome: 'allowed',
          key: 'ci',
          fingerprint: null,
          verified: false,
          address: null,
        },
        command: 'kaleem-deploy status --json',
        argv: [`--config=${folder}/app/kaleem-deploy.yml`, 'status', '--json'],
      },
    ]);
  });

  it('comes back with the exit code of what it ran', async () => {
    const folder = await gateFolder(YAML);
    const app = { health: async () => ({ ok: false, gates: [] }) };
    expect(await attempt(folder, 'kaleem-deploy health', { app })).toMatchObject({ exitCode: 3 });
  });

  it('has no shell for a login without a command, and says what it has', async () => {
    const folder = await gateFolder('directory: app\nkeys: { ci: { verbs: [deploy, logs] } }\n');
    for (const command of [undefined, '']) {
      expect(await attempt(folder, command)).toMatchObject({
        ...{ exitCode: 40, moved: undefined },
        err: 'error: this key opens no shell\nhint: key ci may: deploy TAG, logs [SERVICE...], version\n',
      });
    }
    expect(await recorded(join(folder, 'app/.kaleem/gate'))).toMatchObject([{ command: null }, { command: null }]);
  });

  it('refuses in JSON where JSON was asked for', async () => {
    const folder = await gateFolder(YAML);
    const { exitCode, out, err } = await attempt(folder, 'kaleem-deploy config --json');
    expect({ exitCode, err }).toEqual({ exitCode: 40, err: '' });
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'gate-refused' }, exitCode: 40 });
  });

  it('refuses a key that it does not know, and writes that down', async () => {
    const folder = await gateFolder(YAML);
    const { exitCode, moved, err } = await attempt(folder, 'kaleem-deploy version', { key: 'old' });
    expect({ exitCode, moved }).toEqual({ exitCode: 40, moved: undefined });
    expect(err).toContain('the gate knows no key old');
    expect(await recorded(join(folder, 'app/.kaleem/gate'))).toMatchObject([{ outcome: 'refused', key: 'old' }]);
  });

  it('runs nothing that it cannot write down', async () => {
    const folder = await gateFolder(`${YAML}record: app/record\n`);
    await writeFile(join(folder, 'app/record'), 'a file');
    for (const command of ['kaleem-deploy status', 'kaleem-deploy config']) {
      const { exitCode, moved, err } = await attempt(folder, command);
      expect({ exitCode, moved }).toEqual({ exitCode: 10, moved: undefined });
      expect(err).toContain("cannot write the gate's record");
    }
  });

  it('runs nothing on a full disk', async () => {
    const folder = await gateFolder(YAML);
    handleFailpoints((name) => {
      if (name === 'gate.record.written') throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    });
    onTestFinished(() => handleFailpoints(null));
    const { exitCode, moved, err } = await attempt(folder, 'kaleem-deploy status');
    expect({ exitCode, moved }).toEqual({ exitCode: 12, moved: undefined });
    expect(err).toContain('hint: df -h');
  });

  it('says with --dry-run what a key may', async () => {
    const folder = await gateFolder(YAML);
    const file = join(folder, 'gate.yml');
    const shown = await run(['gate', '--config', file, '--key', 'ci', '--dry-run']);
    expect(shown).toMatchObject({ exitCode: 0, err: '' });
    expect(shown.out).toContain('  kaleem-deploy logs [SERVICE...]\n');
    expect(shown.out).toContain(`tags: v*; destinations: ., staging; record: ${folder}/app/.kaleem/gate`);
    expect(await run(['gate', '--config', file, '--key', 'cd', '--dry-run'])).toMatchObject({
      exitCode: 12,
      err: `error: ${file} has no key cd\nhint: keys: ci\n`,
    });
    expect(await readdir(join(folder, 'app'))).toEqual([]);
    expect(await run(['gate', '--key', 'ci', '-d', 'staging'])).toMatchObject({ exitCode: 2 });
    expect(await run(['gate'])).toMatchObject({ exitCode: 2 });
  });
});
