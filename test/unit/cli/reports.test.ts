import { describe, expect, it } from 'vitest';
import type { LogsRequest } from '../../../src/deploy/app.ts';
import type { BackupDetail, VerifyReport } from '../../../src/deploy/results.ts';
import { DeployError } from '../../../src/errors.ts';
import { backup, DIGEST, earlier, record, release, status } from './fixtures.ts';
import { config, run } from './support.ts';

const lines = (...text: readonly string[]): string => `${text.join('\n')}\n`;

describe('status', () => {
  const shown = async (overrides: object = {}): Promise<string> =>
    (await run(['status'], { app: { status: async () => ({ ...status, ...overrides }) } })).out;

  it('shows what is live', async () => {
    expect(await shown()).toBe(
      lines(
        'kaleem (production): v0.0.2, release 2, deployed 1 min ago by omar@web',
        '',
        'SERVICE  STATE                 HEALTH   STARTED    IMAGE',
        'mongo    running               healthy  24 h ago   mongo:7',
        "api      running (3 restarts)  -        1 min ago  ghcr.io/o/api:v0.0.2 (not the release's)",
        'nginx    absent                -        -          -',
        '',
        'fence: down, requests get through',
        'lock: free',
        'last operation: deploy v0.0.2: succeeded, 2 min ago, took 14.0s',
      ),
    );
  });

  it('shows what needs attention', async () => {
    const unfinished = { ...record, outcome: null, durationMs: null, endedAt: null };
    const out = await shown({
      destination: null,
      live: null,
      services: [],
      fence: { operation: '000003-ab12', since: '2026-03-01T11:59:30.000Z' },
      lastOperation: null,
      lastDrill: {
        ...record,
        kind: 'drill',
        outcome: 'failed',
        error: { code: 'check-failed', message: 'backup b cannot be restored' },
      },
      unfinished,
      warnings: ['the disk is nearly full'],
    });
    expect(out).toBe(
      lines(
        'kaleem: nothing deployed by kaleem-deploy yet',
        '',
        'no containers',
        '',
        'fence: raised by 000003-ab12 30 s ago, requests get 503',
        'lock: free',
        'the last drill failed: backup b cannot be restored',
        'unfinished: 000003-ab12, deploy v0.0.2: unfinished, 2 min ago',
        'warning: the disk is nearly full',
      ),
    );
  });

  it('says that a release was found running', async () => {
    expect(await shown({ live: earlier })).toContain('v0.0.1, release 1, found running 28 days ago by root@web');
  });

  it('is the report itself with --json', async () => {
    const { out } = await run(['status', '--json'], { app: { status: async () => status } });
    expect(JSON.parse(out)).toEqual(status);
  });
});

describe('lock status', () => {
  const holder = {
    pid: 42,
    operation: '000003-ab12',
    kind: 'deploy',
    who: 'omar@web',
    since: '2026-03-01T11:59:00.000Z',
    runner: null,
    requestId: null,
  };
  it.each([
    [{ held: false, holder: null, pid: null }, 'lock: free'],
    [{ held: true, holder, pid: 42 }, 'lock: held by deploy 000003-ab12 of omar@web (process 42), since 1 min ago'],
    [
      { held: true, holder: { ...holder, operation: '' }, pid: 42 },
      'lock: held by deploy of omar@web (process 42), since 1 min ago',
    ],
    [{ held: true, holder: null, pid: 42 }, 'lock: held by process 42 that does not answer'],
    [{ held: true, holder: null, pid: null }, 'lock: held by a process that does not answer'],
  ] as const)('%j', async (lock, line) => {
    const app = { lockStatus: async () => lock };
    expect(await run(['lock', 'status'], { app })).toEqual({ exitCode: 0, out: `${line}\n`, err: '' });
    expect(JSON.parse((await run(['lock', 'status', '--json'], { app })).out)).toEqual(lock);
  });
});

describe('history', () => {
  const running = {
    ...record,
    id: '000004-cd34',
    kind: 'backup' as const,
    subject: '',
    outcome: null,
    exitCode: null,
    durationMs: null,
  };

  it('is a table', async () => {
    expect((await run(['history'], { app: { history: async () => [running, record] } })).out).toBe(
      lines(
        'OPERATION    WHAT           OUTCOME     EXIT  WHEN        TOOK  WHO',
        '000004-cd34  backup         unfinished     -  2 min ago      -  omar@web',
        '000003-ab12  deploy v0.0.2  succeeded      0  2 min ago  14.0s  omar@web',
      ),
    );
  });

  it('shows 20, or as many as were asked for', async () => {
    const app = { history: async () => Array.from({ length: 30 }, (_, sequence) => ({ ...record, sequence })) };
    const count = async (argv: readonly string[]): Promise<number> =>
      JSON.parse((await run(['history', '--json', ...argv], { app })).out).length;
    expect(await count([])).toBe(20);
    expect(await count(['-n', '1'])).toBe(1);
    expect(await count(['--limit', '25'])).toBe(25);
  });

  it('may be empty', async () => {
    const app = { history: async () => [] };
    expect((await run(['history'], { app })).out).toBe('nothing has happened yet\n');
    expect((await run(['history', '--json'], { app })).out).toBe('[]\n');
  });
});

describe('releases and images', () => {
  it('releases are a table', async () => {
    expect((await run(['releases'], { app: { releases: async () => [release, earlier] } })).out).toBe(
      lines(
        'RELEASE  TAG     STATUS                WHEN         DOWNTIME  BACKUP         WHO',
        '      2  v0.0.2  live                  1 min ago        3.2s  -              omar@web',
        '      1  v0.0.1  good (found running)  28 days ago         -  000001-v0.0.1  root@web',
      ),
    );
    expect((await run(['releases'], { app: { releases: async () => [] } })).out).toBe('no releases yet\n');
  });

  it('images are a table', async () => {
    const image = {
      release: 2,
      tag: 'v2',
      live: true,
      variable: 'A',
      reference: 'app:v2',
      digest: DIGEST,
      imageId: 'sha256:x',
      present: true,
      sizeBytes: 120_000_000,
    };
    const images = [image, { ...image, release: 1, live: false, digest: null, present: false, sizeBytes: null }];
    expect((await run(['images'], { app: { images: async () => images } })).out).toBe(
      lines(
        'RELEASE  VARIABLE  IMAGE   DIGEST                 SIZE  HERE',
        ' live 2  A         app:v2  sha256:0123456789ab  120 MB  yes',
        '      1  A         app:v2  sha256:x                  -  no',
      ),
    );
    expect((await run(['images'], { app: { images: async () => [] } })).out).toBe('no release images yet\n');
  });
});

describe('backups', () => {
  it('list is a table', async () => {
    const broken = {
      ...backup,
      id: '000002-x',
      tag: null,
      createdAt: null,
      documents: null,
      neededBy: [],
      consistency: null,
      problem: 'the archive is cut off',
      pinned: null,
    };
    const foreign = { ...broken, id: 'dump', problem: null };
    expect((await run(['backup', 'list'], { app: { backupList: async () => [broken, foreign, backup] } })).out).toBe(
      lines(
        'BACKUP         TAG     WHEN      SIZE  DOCUMENTS  NEEDED BY  STATE',
        '000002-x       -       -        34 MB          -  -          the archive is cut off',
        'dump           -       -        34 MB          -  -          no manifest',
        '000001-v0.0.1  v0.0.1  2 h ago  34 MB        412  1, 2       pinned, fenced',
      ),
    );
    expect((await run(['backup', 'list'], { app: { backupList: async () => [] } })).out).toBe('no backups yet\n');
  });

  it('show has everything', async () => {
    expect((await run(['backup', 'show', '000001-v0.0.1'], { app: { backupShow: async () => backup } })).out).toBe(
      lines(
        'backup 000001-v0.0.1',
        '  file       /srv/kaleem/backups/000001-v0.0.1.archive.gz',
        '  when       2 h ago (2026-03-01T10:00:00.000Z)',
        '  release    v0.0.1',
        '  state      pinned, fenced',
        '  size       34 MB',
        '  documents  412',
        '  took       1.0s',
        '  server     7.0.1',
        '  sha256     aa',
        '  content    bb',
        '  verified   1 h ago (2026-03-01T10:00:02.000Z)',
        '  pinned     audit',
        '  needed by  release 1, 2',
        '',
        'COLLECTION     TYPE        DOCUMENTS  SIZE  INDEXES',
        'kaleem.users   collection        412  99 B  _id_, email_1',
        'kaleem.active  view                0   0 B  -',
      ),
    );
  });

  it('verify says what was read', async () => {
    const result = { id: 'b', path: '/b', bytes: 1_000, documents: 1, namespaces: 2, elapsedMs: 100, complete: true };
    const said = async (overrides: object): Promise<string> => {
      const report = { good: [{ ...result, ...overrides }], bad: [], locked: [] };
      return (await run(['backup', 'verify', 'x'], { app: { backupVerify: async () => report } })).out;
    };
    expect(await said({})).toBe('b is good: 1 document in 2 collections, 1.0 kB, read in 0.1s\n');
    expect(await said({ id: null, complete: false })).toBe(
      '/b is good: 1 document in 2 collections, 1.0 kB, read in 0.1s; it has no manifest, so only its own checksums could be checked\n',
    );
  });

  it('drill says that the backup can be restored, and which one was asked for', async () => {
    const asked: unknown[] = [];
    const drilled = {
      operation: 'o',
      backup: 'b',
      documents: 2,
      bytes: 1_000,
      namespaces: 1,
      elapsedMs: 100,
      warnings: [],
    };
    const app = {
      backupDrill: async (request: unknown) => {
        asked.push(request);
        return drilled;
      },
    };
    expect((await run(['backup', 'drill'], { app })).out).toBe(
      'backup b can be restored: 2 documents in 1 collection, 1.0 kB, compared byte for byte in 0.1s\n',
    );
    await run(['backup', 'drill', 'b'], { app });
    await run(['backup', 'drill', '--identity', 'key.txt'], { app });
    expect(asked).toEqual([
      { backup: null, identity: null },
      { backup: 'b', identity: null },
      { backup: null, identity: 'key.txt' },
    ]);
  });

  it('verify of many is exit 31 when one is bad', async () => {
    const good = { id: 'b', path: '/b', bytes: 1_000, documents: 1, namespaces: 2, elapsedMs: 100, complete: true };
    const bad = { id: 'c', path: '/c', problem: 'a CRC is wrong' };
    const asked: unknown[] = [];
    const verify = (typed: readonly string[], report: VerifyReport) =>
      run(['backup', 'verify', ...typed], {
        app: {
          backupVerify: async (request) => {
            asked.push(request);
            return report;
          },
        },
      });
    expect(await verify(['--all'], { good: [good], bad: [bad], locked: [] })).toMatchObject({
      exitCode: 31,
      out: lines('b is good: 1 document in 2 collections, 1.0 kB, read in 0.1s', '1 of 2 backups are good'),
    });
    expect((await verify(['--newest'], { good: [good], bad: [], locked: [] })).exitCode).toBe(0);
    expect((await verify(['b'], { good: [good], bad: [], locked: [] })).exitCode).toBe(0);
    await verify(['b', '--identity', 'key.txt'], { good: [good], bad: [], locked: [] });
    expect(asked).toEqual([
      { which: 'all', identity: null },
      { which: 'newest', identity: null },
      { which: 'one', backup: 'b', identity: null },
      { which: 'one', backup: 'b', identity: 'key.txt' },
    ]);
    const locked = [{ id: 'd', path: '/d', problem: 'no identity' }];
    expect(await verify(['--all'], { good: [good], bad: [], locked })).toMatchObject({
      exitCode: 12,
      out: lines('b is good: 1 document in 2 collections, 1.0 kB, read in 0.1s', '1 of 2 backups are good'),
    });
    expect((await verify(['--all'], { good: [], bad: [bad], locked })).exitCode).toBe(31);
  });

  it.each(['verify', 'restore', 'drill'])(
    '%s refuses a secret key that is typed, and does not repeat it',
    async (verb) => {
      const key = `AGE-SECRET-KEY-1${'Q'.repeat(58)}`;
      for (const typed of [['--identity', key], [`--identity=${key.toLowerCase()}`]]) {
        const { exitCode, out, err } = await run(['backup', verb, 'b', ...typed], { app: {} });
        expect(exitCode).toBe(2);
        expect(err).toContain('must never be typed');
        expect(`${out}${err}`.toLowerCase()).not.toContain('qqqq');
      }
    },
  );

  it('a backup that is encrypted is shown as such', async () => {
    const encrypted: BackupDetail = { ...backup, encrypted: true };
    const app = { backupList: async () => [encrypted], backupShow: async () => encrypted };
    expect((await run(['backup', 'list'], { app })).out).toContain('encrypted, fenced');
    expect((await run(['backup', 'show', 'b'], { app })).out).toContain('encrypted, fenced');
    expect(JSON.parse((await run(['backup', 'list', '--json'], { app })).out)[0].encrypted).toBe(true);
  });

  it.each([[[]], [['b', '--all']], [['--newest', '--all']]])('verify %j does not say which', async (typed) => {
    const { exitCode, err } = await run(['backup', 'verify', ...typed]);
    expect({ exitCode, err }).toEqual({
      exitCode: 2,
      err: lines(
        'error: which backup? an id, the path of an archive, --newest or --all',
        'hint: kaleem-deploy backup verify --help',
      ),
    });
  });
});

describe('health', () => {
  const gate = { gate: 'web', ok: true, attempts: 1, elapsedMs: 120, detail: '200', stoppedEarly: false };
  it('is exit 0 when every gate passes, 3 when one fails', async () => {
    const good = { ok: true, gates: [gate] };
    const bad = { ok: false, gates: [gate, { ...gate, gate: 'redis', ok: false, detail: 'refused\nnow' }] };
    expect(await run(['health'], { app: { health: async () => good } })).toEqual({
      exitCode: 0,
      out: lines('ok  web  0.1s  200', 'healthy: 1 gate passed'),
      err: '',
    });
    expect(await run(['health'], { app: { health: async () => bad } })).toEqual({
      exitCode: 3,
      out: lines('ok  web  0.1s  200', 'failed  redis  0.1s  refused now', 'not healthy: 1 gate failed'),
      err: '',
    });
    expect(await run(['health', '-q'], { app: { health: async () => good } })).toEqual({
      exitCode: 0,
      out: '',
      err: '',
    });
    expect((await run(['health', '-q'], { app: { health: async () => bad } })).out).toContain('not healthy');
    const json = await run(['health', '--json'], { app: { health: async () => bad } });
    expect(json.exitCode).toBe(3);
    expect(JSON.parse(json.out)).toEqual(bad);
  });
});

describe('doctor', () => {
  const ok = { name: 'docker', status: 'ok', detail: 'Docker 27', hint: null } as const;
  const warn = { name: 'firewall', status: 'warn', detail: 'out of reach', hint: 'run it as root' } as const;
  const fail = { name: 'disk', status: 'fail', detail: '1 GB free, 5 GB needed', hint: 'free some' } as const;

  it('says what to do; exit 3 when a check fails', async () => {
    expect(await run(['doctor'], { app: { doctor: async () => ({ ok: false, checks: [ok, warn, fail] }) } })).toEqual({
      exitCode: 3,
      out: lines(
        'ok    docker    Docker 27',
        'warn  firewall  out of reach',
        '                -> run it as root',
        'fail  disk      1 GB free, 5 GB needed',
        '                -> free some',
        '3 checks: 1 failed, 1 warning',
      ),
      err: '',
    });
  });

  it('is exit 0 with warnings alone', async () => {
    const { exitCode, out } = await run(['doctor'], {
      app: { doctor: async () => ({ ok: true, checks: [ok, warn] }) },
    });
    expect({ exitCode, out: out.split('\n').at(-2) }).toEqual({ exitCode: 0, out: '2 checks: 0 failed, 1 warning' });
  });

  it('praises', async () => {
    const { out } = await run(['doctor'], { app: { doctor: async () => ({ ok: true, checks: [ok] }) } });
    expect(out).toBe(lines('ok    docker  Docker 27', 'all is well: 1 check'));
  });

  it('reports a configuration that is wrong as a failed check', async () => {
    const error = new DeployError('env-invalid', 'MONGODB_URI is not set', { hint: 'write it into .env' });
    const { exitCode, out } = await run(['doctor', '--json'], { config: error });
    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      checks: [{ name: 'configuration', status: 'fail', detail: 'MONGODB_URI is not set', hint: 'write it into .env' }],
    });
  });

  it('does not hide a bug behind a check', async () => {
    expect((await run(['doctor'], { config: new TypeError('odd') })).exitCode).toBe(1);
  });
});

describe('logs', () => {
  const line = { service: 'api', container: 'api-1', text: '\u001b[32mup\u001b[0m' };
  const logging = () => {
    const requests: Omit<LogsRequest, 'onLine'>[] = [];
    const logs = async ({ onLine, ...request }: LogsRequest): Promise<void> => {
      requests.push(request);
      onLine(line);
      onLine({ ...line, service: 'web', container: 'web-1' });
    };
    return { app: { logs }, requests };
  };

  it('name their container, unless one service was asked for', async () => {
    const { app, requests } = logging();
    expect((await run(['logs'], { app })).out).toBe(lines(`api-1  ${line.text}`, `web-1  ${line.text}`));
    expect((await run(['logs', 'api'], { app })).out).toBe(lines(line.text, line.text));
    expect(requests).toEqual([
      { services: [], follow: false, tail: 100 },
      { services: ['api'], follow: false, tail: 100 },
    ]);
  });

  it('hands on --follow and --tail', async () => {
    const { app, requests } = logging();
    await run(['logs', 'api', 'web', '-f', '--tail', '0'], { app });
    await run(['logs', '--tail', 'all', '-fq'], { app });
    expect(requests).toEqual([
      { services: ['api', 'web'], follow: true, tail: 0 },
      { services: [], follow: true, tail: null },
    ]);
  });

  it('are one document with --json, JSON lines with --follow', async () => {
    const { app } = logging();
    expect(JSON.parse((await run(['logs', '--json'], { app })).out)).toHaveLength(2);
    const rows = (await run(['logs', '--json', '-f'], { app })).out.trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row).container)).toEqual(['api-1', 'web-1']);
  });
});

describe('config', () => {
  const secret = config({
    database: { uri: 'mongodb://app:hunter22@mongo/kaleem', name: 'kaleem' },
    secrets: ['hunter22'],
  });

  it('prints what was understood, secrets masked', async () => {
    const { exitCode, out } = await run(['config'], { config: secret, secrets: ['hunter22'] });
    expect(exitCode).toBe(0);
    expect(out).toContain('keepReleases: 5\n');
    expect(out).not.toContain('hunter22');
    const json = JSON.parse((await run(['config', '--json'], { config: secret })).out);
    expect(json).toMatchObject({ keepReleases: 5, database: { name: 'kaleem' } });
    expect(JSON.stringify(json)).not.toContain('hunter22');
  });

  it('leaves unsaid with -q that something was done, and not what was asked for', async () => {
    const app = {
      backupCreate: async () => backup,
      history: async () => [],
      doctor: async () => ({ ok: true, checks: [] }),
    };
    for (const argv of [['backup', 'create'], ['doctor']]) {
      expect(await run([...argv, '-q'], { app })).toEqual({ exitCode: 0, out: '', err: '' });
      expect((await run(argv, { app })).out).not.toBe('');
      expect(JSON.parse((await run([...argv, '-q', '--json'], { app })).out)).toBeTypeOf('object');
    }
    expect((await run(['history', '-q'], { app })).out).toBe('nothing has happened yet\n');
  });

  it('has its warnings told before an operation, also with -q and --json, and by doctor; not each time one looks', async () => {
    const odd = config({ warnings: ['HEALTH_URL is not set'] });
    const app = {
      backupCreate: async () => backup,
      doctor: async () => ({ ok: true, checks: [] }),
      history: async () => [],
    };
    for (const argv of [
      ['backup', 'create'],
      ['backup', 'create', '-q'],
      ['backup', 'create', '--json'],
      ['doctor', '--json'],
    ]) {
      expect((await run(argv, { config: odd, app })).err).toBe('warning: HEALTH_URL is not set\n');
    }
    expect((await run(['history'], { config: odd, app })).err).toBe('');
    expect(await run(['config'], { config: odd })).toMatchObject({
      err: '',
      out: expect.stringContaining('- HEALTH_URL is not set'),
    });
  });

  it('is found with --config and --destination', async () => {
    const inputs: unknown[] = [];
    const loadConfig = async (input: unknown) => {
      inputs.push(input);
      return config();
    };
    await run(['config', '-c', 'a.yml', '-d', 'staging'], { parts: { loadConfig }, cwd: '/srv', env: { A: '1' } });
    await run(['config'], { parts: { loadConfig }, cwd: '/srv' });
    expect(inputs).toEqual([
      { cwd: '/srv', environment: { A: '1' }, configPath: 'a.yml', destination: 'staging' },
      { cwd: '/srv', environment: {}, configPath: null, destination: null },
    ]);
  });
});

describe('help and version', () => {
  it.each([
    ['--version', '0.1.0\n'],
    ['-V', '0.1.0\n'],
    ['version', '0.1.0\n'],
    ['version --json', '{\n  "version": "0.1.0"\n}\n'],
  ])('%s', async (typed, out) => {
    expect(await run(typed.split(' '))).toEqual({ exitCode: 0, out, err: '' });
  });

  it.each([
    '--help',
    '-h',
    'help',
    'help deploy',
    'deploy -h',
    'status --help',
    'backup --help',
    'backup restore --help',
    'help maintenance',
    'status -q -v --help',
  ])('%s touches nothing', async (typed) => {
    const { exitCode, out, err } = await run(typed.split(' '));
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(out).toMatch(/^Usage: kaleem-deploy /);
  });

  it('every verb has a description, examples and the global options', async () => {
    const { out } = await run(['--help']);
    const verbs = [...(out.split('Commands:')[1]?.split('Examples:')[0] ?? '').matchAll(/^ {2}(\w+)/gm)].map(
      ([, verb]) => verb,
    );
    expect(verbs).toEqual(
      'deploy rollback recover attach abort status history releases images logs health watch init doctor config backup agent maintenance notify lock setup gate prune version help'.split(
        ' ',
      ),
    );
    const leaves = [
      ...verbs
        .filter((verb) => !['backup', 'maintenance', 'notify', 'lock', 'help'].includes(verb ?? ''))
        .map((verb) => [verb]),
      ...['create', 'list', 'show', 'verify', 'drill', 'restore', 'pin', 'unpin', 'prune'].map((verb) => [
        'backup',
        verb,
      ]),
      ...['on', 'off'].map((verb) => ['maintenance', verb]),
      ['notify', 'test'],
      ['lock', 'status'],
    ];
    for (const verb of leaves) {
      const help = (await run([...verb, '--help'] as string[])).out;
      expect(help).toContain(`Usage: kaleem-deploy ${verb.join(' ')} `);
      expect(help).toContain('\nExamples:\n  kaleem-deploy ');
      expect(help).toContain('--lock-wait <seconds>');
    }
  });
});

describe('notify test', () => {
  const tested = (problem: string | null) => ({ name: 'ops', type: 'slack', problem, elapsedMs: 120 }) as const;
  const test = (ok: boolean, ...notifiers: ReturnType<typeof tested>[]) =>
    run(['notify', 'test', 'ops'], {
      app: { notifyTest: async (name) => (name === 'ops' ? { ok, notifiers } : never()) },
    });
  const never = (): never => {
    throw new Error('another one was asked for');
  };

  it('says who took it', async () => {
    expect(await test(true, tested(null))).toMatchObject({ exitCode: 0, out: lines('ok    ops (slack)  in 0.1s') });
  });

  it('says who did not, and why, with exit code 3', async () => {
    expect(await test(false, tested('it answered 404\u001b[2J'))).toMatchObject({
      ...{ exitCode: 3, out: expect.stringMatching(/^fail {2}ops \(slack\) {2}it answered 404/) },
    });
    expect((await test(false, tested('x\u001b[2J'))).out).not.toContain('\u001b');
  });
});
