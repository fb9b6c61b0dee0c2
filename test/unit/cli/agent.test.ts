import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WatchReport } from '../../../src/deploy/watch/watch.ts';
import { openState } from '../../../src/operation/state.ts';
import { config, run } from './support.ts';

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\n`).join('');

describe('watch', () => {
  const bad: WatchReport = {
    ok: false,
    findings: [
      { what: 'gates', status: 'bad', detail: 'web failed:\n503', hint: 'look', since: '2026-03-01T11:00:00.000Z' },
      { what: 'backups', status: 'skipped', detail: 'there is no database', hint: null, since: null },
      { what: 'disk', status: 'ok', detail: '40 % full at /', hint: null, since: null },
    ],
  };
  const good: WatchReport = { ok: true, findings: bad.findings.slice(1) };

  it('says what it found, and ends with 3 when something is not well', async () => {
    expect(await run(['watch'], { app: { watch: async () => bad } })).toEqual({
      ...{ exitCode: 3, err: '' },
      out: lines(
        'bad  gates: web failed: 503 (since 1 h ago)',
        '  -> look',
        'not looked at  backups: there is no database',
        'ok  disk: 40 % full at /',
      ),
    });
    expect((await run(['watch'], { app: { watch: async () => good } })).exitCode).toBe(0);
    const json = await run(['watch', '--json'], { app: { watch: async () => bad } });
    expect(JSON.parse(json.out)).toEqual(bad);
  });
});

describe('agent', () => {
  let stateDirectory: string;
  beforeEach(async () => {
    stateDirectory = await mkdtemp(join(tmpdir(), 'kaleem-agent-'));
  });
  afterEach(() => rm(stateDirectory, { recursive: true }));

  const configured = () => {
    const { agent } = config();
    const schedules = { ...agent.schedules, backup: ['30 3 * * *'] };
    return config({ stateDirectory, agent: { ...agent, timeZone: 'Europe/Berlin', schedules } });
  };

  it('shows with --dry-run what it would do, and what it did', async () => {
    const state = await openState(stateDirectory);
    const begunAt = '2026-03-01T02:30:00.000Z';
    const last = { due: begunAt, begunAt, endedAt: begunAt, exitCode: 30 };
    await writeFile(
      state.file('agent.json'),
      JSON.stringify({ version: 1, jobs: { backup: { after: begunAt, last } } }),
    );
    const shown = await run(['agent', '--dry-run'], { config: configured() });
    expect(shown).toEqual({
      ...{ exitCode: 0, err: '' },
      out: lines(
        'JOB     NEXT                 LAST     EXIT',
        'backup  2026-03-02 03:30:00  9 h ago    30',
        'verify  not scheduled        never       -',
        'drill   not scheduled        never       -',
        'prune   not scheduled        never       -',
        'watch   not scheduled        never       -',
        'times are of Europe/Berlin',
      ),
    });
    const json = await run(['agent', '--dry-run', '--json'], { config: configured() });
    expect(JSON.parse(json.out)).toMatchObject({
      ...{
        timeZone: 'Europe/Berlin',
        jobs: [{ job: 'backup', next: '2026-03-02T02:30:00.000Z', last }, {}, {}, {}, {}],
      },
    });
  });

  it('has its settings printed, whatever a folder is called', async () => {
    const { exitCode, out } = await run(['agent', '--settings', '--json'], {
      ...{ config: configured(), secrets: [stateDirectory] },
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ stateDirectory, agent: { timeZone: 'Europe/Berlin' }, warnings: [] });
  });

  it('is not run elsewhere', async () => {
    const { exitCode, err } = await run(['--host', 'prod', 'agent']);
    expect(exitCode).toBe(2);
    expect(err).toContain('not with --host: the agent runs on the server itself');
  });
});
