import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { type Manifest, writeManifest } from '../../../../src/backup/manifest.ts';
import { setMark } from '../../../../src/backup/marks.ts';
import type { Config, GateSpec } from '../../../../src/config/config.ts';
import type { NotifierTarget } from '../../../../src/config/notifier.ts';
import { deploy } from '../../../../src/deploy/deploy.ts';
import { withLock } from '../../../../src/deploy/operate.ts';
import { longestInterval } from '../../../../src/deploy/watch/backups.ts';
import { compare, type WatchFinding, watch } from '../../../../src/deploy/watch/watch.ts';
import { type Receiver, startReceiver } from '../../../support/receiver.ts';
import { createWorld, type World } from '../world.ts';

const NOW = new Date('2026-01-10T12:00:00Z');
const hoursAgo = (hours: number): string => new Date(NOW.getTime() - hours * 3_600_000).toISOString();

describe('what is told of a look', () => {
  const bad = { status: 'bad', detail: 'x', hint: null } as const;
  const ok = { status: 'ok', detail: 'x' } as const;
  const known = { since: hoursAgo(30), toldAt: hoursAgo(2) };

  it.each([
    ['gates', 'unhealthy'],
    ['backups', 'backup-overdue'],
    ['disk', 'disk-nearly-full'],
  ] as const)('%s: %s, when it turns bad', (what, tell) => {
    const at = NOW.toISOString();
    expect(compare(what, bad, undefined, NOW)).toEqual({ known: { since: at, toldAt: at }, tell });
  });
  it('is nothing as long as nothing changes, nor where nobody looked', () => {
    expect(compare('gates', ok, undefined, NOW)).toEqual({ known: undefined, tell: null });
    expect(compare('gates', bad, known, NOW)).toEqual({ known, tell: null });
    expect(compare('gates', { status: 'skipped', detail: 'x' }, known, NOW)).toEqual({ known, tell: null });
  });
  it('is said again after a day', () => {
    const old = { since: hoursAgo(30), toldAt: hoursAgo(24) };
    expect(compare('gates', bad, old, NOW)).toEqual({
      ...{ known: { since: hoursAgo(30), toldAt: NOW.toISOString() }, tell: 'unhealthy' },
    });
  });
  it('is that it is well again', () => {
    expect(compare('disk', ok, known, NOW)).toEqual({ known: undefined, tell: 'well-again' });
  });
});

describe('the time between two backups', () => {
  it.each([
    [['0 3 * * *'], 24],
    [['0 3 * * 1-5'], 72],
    [['0 3 * * *', '0 15 * * *'], 12],
    [['0 */6 * * *'], 6],
    [['0 3 * * 0'], 168],
  ])('%j: %i hours at most', (times, hours) => {
    expect(longestInterval(times, 'UTC', NOW)).toBe(hours * 3_600_000);
  });
});

describe('a watch', () => {
  let world: World;
  let receiver: Receiver;
  const gate: GateSpec = {
    ...{ type: 'command', name: 'well', argv: ['well'], service: null, attempts: 1, intervalMs: 100, timeoutMs: 1000 },
  };
  const database = { uri: 'mongodb://localhost/kaleem', name: 'kaleem' };
  const target = (): NotifierTarget => ({ type: 'webhook', url: receiver.url, secret: 'open sesame' });

  beforeEach(async () => {
    receiver = await startReceiver();
    world = await createWorld({ config: { gates: { before: [], after: [gate] } } });
    await deploy(world.session, { tag: 'v2', images: {}, upgrade: [], restartAll: false });
  });
  afterEach(async () => {
    await Promise.all([world.remove(), receiver.stop()]);
  });

  const look = async (config: Partial<Config> = {}) => {
    const events = ['unhealthy', 'backup-overdue', 'disk-nearly-full', 'well-again', 'failed'] as const;
    const notify = [{ name: 'ops', type: 'webhook', events, target: target(), problem: null }] as const;
    return watch(world.another({ notify, ...config }));
  };
  const told = () =>
    receiver.received.map(({ body }) => {
      const { event, error, summary } = JSON.parse(body) as {
        event: string;
        error: { message: string };
        summary: string;
      };
      return [event, error?.message ?? summary];
    });
  const finding = ({ findings }: { readonly findings: readonly WatchFinding[] }, what: string) =>
    findings.find((each) => each.what === what);
  const turn = (well: boolean): void => void world.engine.hookExits.set('well', well ? 0 : 7);

  test('of what is well tells nobody', async () => {
    const report = await look();
    expect(report).toMatchObject({ ok: true, findings: [{ status: 'ok' }, { status: 'skipped' }, { status: 'ok' }] });
    expect(told()).toEqual([]);
  });

  test('tells once that a gate fails, and once that it is well again', async () => {
    turn(false);
    const first = await look();
    expect(first.ok).toBe(false);
    expect(finding(first, 'gates')).toMatchObject({ status: 'bad', hint: 'kaleem-deploy health; kaleem-deploy logs' });
    const again = await look();
    expect(finding(again, 'gates')?.since).toBe(finding(first, 'gates')?.since);
    expect(told()).toEqual([['unhealthy', expect.stringMatching(/^gates: well failed: /)]]);
    turn(true);
    expect((await look()).ok).toBe(true);
    expect((await look()).ok).toBe(true);
    expect(told().slice(1)).toEqual([['well-again', expect.stringMatching(/^gates: \d+ passed$/)]]);
  });

  test('gives a gate that fails three chances', async () => {
    const begun = world.context.clock.monotonic();
    turn(false);
    await look();
    expect(world.context.clock.monotonic() - begun).toBeGreaterThanOrEqual(10_000);
  });

  test('does not ask gates while an operation or maintenance has the services down', async () => {
    turn(false);
    const session = world.another({});
    const report = await withLock(session, await session.context(), 'rollback', () => look());
    expect(finding(report, 'gates')).toMatchObject({ status: 'skipped', detail: 'a rollback is running' });
    const during = await withLock(session, await session.context(), 'backup', () => look());
    expect(finding(during, 'gates')).toMatchObject({ status: 'bad' });
    const state = join(world.context.config.stateDirectory, 'maintenance.json');
    await writeFile(state, '{"operation":"000001-a1b2","since":"","responderPid":1,"policies":{}}');
    expect(finding(await look(), 'gates')).toMatchObject({ status: 'skipped', detail: 'maintenance is on' });
  });

  test('takes an engine that is not there for what is wrong, and not for its own failure', async () => {
    const session = world.another({});
    const report = await watch({ ...session, context: () => Promise.reject(new Error('Docker is not there')) });
    expect(finding(report, 'gates')).toMatchObject({ status: 'bad', detail: 'Docker is not there' });
  });

  describe('of backups', () => {
    const keep = async (id: string, createdAt: string, fields: Partial<Manifest> = {}, verified = true) => {
      const { directory } = world.context.config.backup;
      const archive = join(directory, `${id}.archive.gz`);
      await mkdir(directory, { recursive: true });
      await writeFile(archive, 'x');
      await writeManifest(directory, {
        ...{ formatVersion: 1, id, archive: `${id}.archive.gz`, sha256: '0'.repeat(64), bytes: 1, createdAt },
        ...{ operation: null, release: 'v2', toolVersion: '1', serverVersion: '7', scope: null, consistency: 'fenced' },
        database: { replicaSet: null, replicaSetId: null, ferretdb: true },
        ...{
          clusterTime: null,
          durationMs: 1,
          contentHash: '0'.repeat(64),
          documents: 0,
          dataBytes: 0,
          namespaces: [],
        },
        ...fields,
      });
      if (verified) await setMark(archive, 'verified', { at: createdAt, problem: null });
    };
    const ago = (hours: number): string =>
      new Date(world.context.clock.now().getTime() - hours * 3_600_000).toISOString();

    test('is content with a good one younger than two runs', async () => {
      await keep('000001-v2', ago(47));
      expect(finding(await look({ database }), 'backups')).toMatchObject({
        ...{ status: 'ok', detail: 'the newest verified backup, 000001-v2, is 47 h old' },
      });
    });

    test('misses one when the newest is older, was not verified, or holds a part', async () => {
      await keep('000001-v2', ago(49));
      await keep('000002-v2', ago(1), {}, false);
      await keep('000003-v2-part', ago(1), { partial: { include: ['a.b'], exclude: [] } });
      const report = await look({ database });
      expect(finding(report, 'backups')).toMatchObject({
        status: 'bad',
        detail: 'the newest verified backup, 000001-v2, is 2 days old; there should be one each 24 h',
      });
      expect(told()).toEqual([['backup-overdue', expect.stringContaining('000001-v2')]]);
    });

    test('misses none on a server that is new, and one when it is not', async () => {
      expect(finding(await look({ database }), 'backups')).toMatchObject({ status: 'ok' });
      await world.context.clock.sleep(49 * 3_600_000);
      expect(finding(await look({ database }), 'backups')).toMatchObject({
        ...{ status: 'bad', detail: expect.stringContaining('there is no verified backup in ') },
      });
    });

    test('is not asked for where none are made', async () => {
      const { agent } = world.context.config;
      expect(finding(await look({ database: null }), 'backups')?.status).toBe('skipped');
      const none = { ...agent, schedules: { ...agent.schedules, backup: [] } };
      expect(finding(await look({ database, agent: none }), 'backups')?.status).toBe('skipped');
    });
  });

  test('tells of a disk that is nearly full, and that it is well again once it is clearly emptier', async () => {
    const { agent } = world.context.config;
    const percent = Number(/^(\d+) %/.exec(finding(await look(), 'disk')?.detail ?? '')?.[1]);
    const at = (diskFullPercent: number) => look({ agent: { ...agent, diskFullPercent } });
    expect(finding(await at(percent - 1), 'disk')).toMatchObject({ status: 'bad' });
    // Emptier, but not by much.
    expect(finding(await at(percent + 1), 'disk')).toMatchObject({ status: 'bad' });
    expect(finding(await at(percent + 10), 'disk')).toMatchObject({ status: 'ok' });
    expect(told().map(([event]) => event)).toEqual(['disk-nearly-full', 'well-again']);
  });

  test('whose memory is damaged, or cannot be written, tells once more rather than not at all', async () => {
    turn(false);
    await look();
    const file = join(world.context.config.stateDirectory, 'watch.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ version: 1, bad: { gates: {} } });
    await writeFile(file, '{');
    await look();
    await rm(file);
    await mkdir(file);
    await look();
    expect(told().map(([event]) => event)).toEqual(['unhealthy', 'unhealthy', 'unhealthy']);
    expect(world.warnings.some((text) => text.startsWith('it will be told again'))).toBe(true);
  });

  test('pings whoever waits for it, well or not', async () => {
    const ping: NotifierTarget = { type: 'healthchecks', url: `${receiver.url}/uuid`, jobs: ['watch'] };
    const notify = [{ name: 'ping', type: 'healthchecks', events: [], target: ping, problem: null }] as const;
    await look({ notify });
    turn(false);
    await look({ notify });
    const paths = receiver.received.map(({ path }) => path.replace(/\?.*/, ''));
    expect(paths).toEqual(['/uuid', '/uuid/fail']);
  });
});
