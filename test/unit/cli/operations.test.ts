import { describe, expect, it } from 'vitest';
import type { App, OperationRequest } from '../../../src/deploy/app.ts';
import type { DeployResult, Plan } from '../../../src/deploy/results.ts';
import { backup, deployed, destructive, plan, pruned, restored } from './fixtures.ts';
import { run } from './support.ts';

const lines = (...text: readonly string[]): string => `${text.join('\n')}\n`;

/** An app that writes down what was asked of it. */
const recording = (answers: { readonly [K in keyof App]?: unknown }) => {
  const calls: unknown[][] = [];
  const app = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      async (...args: readonly unknown[]) => {
        calls.push([name, ...args]);
        return answer;
      },
    ]),
  ) as Partial<App>;
  return { app, calls };
};

describe('deploy', () => {
  it('says what is live now', async () => {
    const { app, calls } = recording({ deploy: deployed });
    expect(await run(['v0.0.2'], { app })).toEqual({
      exitCode: 0,
      err: '',
      out: lines(
        'v0.0.2 is live (release 2, before: v0.0.1)',
        '  KALEEM_API_IMAGE  ghcr.io/o/api:v0.0.1 -> ghcr.io/o/api:v0.0.2 (sha256:0123456789ab)',
        '  database: as it was before is backup 000001-v0.0.1',
        '  3.2s of downtime, 14.0s in all',
      ),
    });
    expect(calls).toEqual([['deploy', { tag: 'v0.0.2', images: {}, upgrade: [], restartAll: false }]]);
  });

  it('hands on what was asked for', async () => {
    const { app, calls } = recording({ deploy: deployed });
    const argv = 'deploy v2 --image A=v3 --image B_2=v4 --image A=v3 --upgrade mongo --upgrade nginx --restart-all';
    await run(argv.split(' '), { app });
    const images = { A: 'v3', B_2: 'v4' };
    expect(calls).toEqual([['deploy', { tag: 'v2', images, upgrade: ['mongo', 'nginx'], restartAll: true }]]);
  });

  it.each<[Partial<DeployResult>, readonly string[]]>([
    [
      { previous: null, images: [], downtimeMs: null, database: 'untouched', backup: null },
      ['v0.0.2 is live (release 2)', '  database: untouched', '  no downtime, 14.0s in all'],
    ],
    [
      { images: [{ variable: 'A', from: null, to: 'app:v2', digest: null }] },
      [
        'v0.0.2 is live (release 2, before: v0.0.1)',
        '  A  app:v2',
        '  database: as it was before is backup 000001-v0.0.1',
        '  3.2s of downtime, 14.0s in all',
      ],
    ],
    [
      { kind: 'rollback', images: [], database: 'restored', backup: '000002-aside' },
      [
        'v0.0.2 is live (release 2, before: v0.0.1)',
        "  database: restored to this release's backup; what was there before: backup 000002-aside",
        '  3.2s of downtime, 14.0s in all',
      ],
    ],
  ])('renders %j', async (overrides, text) => {
    const { app } = recording({ deploy: { ...deployed, ...overrides } });
    expect((await run(['v0.0.2'], { app })).out).toBe(lines(...text));
  });

  it('prints the result as it is with --json', async () => {
    const { app } = recording({ deploy: deployed });
    const { out, err } = await run(['v0.0.2', '--json'], { app });
    expect(JSON.parse(out)).toEqual(deployed);
    expect(err).toBe('');
  });

  it('--dry-run prints the plan and deploys nothing', async () => {
    const { app, calls } = recording({ plan });
    expect(await run(['--dry-run', 'v0.0.2'], { app })).toEqual({
      exitCode: 0,
      err: '',
      out: lines(
        'would deploy v0.0.2',
        '  KALEEM_API_IMAGE  ghcr.io/o/api:v0.0.1 -> ghcr.io/o/api:v0.0.2 (sha256:0123456789ab)',
        '  1. pull ghcr.io/o/api:v0.0.2',
        '  2. raise the fence',
        'recreated: api',
        'left alone: mongo, redis',
        'expected downtime: 12.0s',
        'warning: DEBUG is not set',
        'nothing was changed',
      ),
    });
    expect(calls).toHaveLength(1);
    expect(JSON.parse((await run(['--dry-run', 'v0.0.2', '--json'], { app })).out)).toEqual(plan);
  });
});

describe('every operation', () => {
  const requests: readonly (readonly [string, OperationRequest])[] = [
    ['v2', { kind: 'deploy', request: { tag: 'v2', images: {}, upgrade: [], restartAll: false } }],
    ['rollback', { kind: 'rollback', request: { tag: null, withDatabase: false } }],
    ['rollback v1 --with-database', { kind: 'rollback', request: { tag: 'v1', withDatabase: true } }],
    [
      'backup restore b --drop-extra --force --identity key.txt',
      {
        kind: 'restore',
        request: { backup: 'b', from: null, dropExtra: true, force: true, identity: 'key.txt', filter: null },
      },
    ],
    [
      'backup restore b --include a.b --include a.c',
      {
        kind: 'restore',
        request: {
          backup: 'b',
          from: null,
          dropExtra: false,
          force: false,
          identity: null,
          filter: { include: ['a.b', 'a.c'], exclude: [] },
        },
      },
    ],
    ['backup create', { kind: 'backup', request: { filter: null } }],
    [
      'backup create --exclude a.b --include a.*',
      { kind: 'backup', request: { filter: { include: ['a.*'], exclude: ['a.b'] } } },
    ],
    [
      'backup restore b --from attic',
      {
        kind: 'restore',
        request: { backup: 'b', from: 'attic', dropExtra: false, force: false, identity: null, filter: null },
      },
    ],
    ['backup push', { kind: 'push', request: { which: 'wanted', place: null } }],
    ['backup push --all --to attic', { kind: 'push', request: { which: 'all', place: 'attic' } }],
    ['backup push 12', { kind: 'push', request: { which: { id: '12' }, place: null } }],
    ['backup pull 12 --from attic', { kind: 'pull', request: { backup: '12', from: 'attic' } }],
    ['backup prune', { kind: 'prune', what: 'backups' }],
    ['prune', { kind: 'prune', what: 'all' }],
    ['maintenance on', { kind: 'maintenance', mode: 'on' }],
    ['maintenance off', { kind: 'maintenance', mode: 'off' }],
  ];
  it.each(requests)('%s --dry-run plans and does nothing, without asking', async (typed, request) => {
    const { app, calls } = recording({ plan: { ...plan, kind: request.kind } });
    const { exitCode, out } = await run([...typed.split(' '), '--dry-run'], { app });
    expect({ exitCode, calls }).toEqual({ exitCode: 0, calls: [['plan', request]] });
    expect(out).toMatch(/\nnothing was changed\n$/);
  });

  it('only tells a downtime where there is one', async () => {
    const downtime = async (kind: Plan['kind'], expectedDowntimeMs: number | null): Promise<string | undefined> => {
      const { app } = recording({ plan: { ...plan, kind, expectedDowntimeMs } });
      return /expected downtime.*/.exec((await run(['v2', '--dry-run'], { app })).out)?.[0];
    };
    expect(await downtime('rollback', null)).toBe('expected downtime: not known before the first one');
    expect(await downtime('restore', 100)).toBe('expected downtime: 0.1s');
    expect(await downtime('backup', null)).toBeUndefined();
    expect(await downtime('prune', null)).toBeUndefined();
    expect(await downtime('maintenance', null)).toBeUndefined();
  });

  it('gets the lock wait in milliseconds, and the environment', async () => {
    let lockWaitMs: number | null = null;
    let environment: unknown = null;
    await run(['prune', '-y', '--lock-wait', '1.5'], {
      env: { A: 'b' },
      app: (options) => {
        ({ lockWaitMs, environment } = options);
        return { prune: async () => pruned };
      },
    });
    expect({ lockWaitMs, environment }).toEqual({ lockWaitMs: 1_500, environment: { A: 'b' } });
  });

  it('closes the app, whatever happens', async () => {
    let closed = 0;
    const close = async () => {
      closed += 1;
    };
    await run(['prune', '-y'], { app: { prune: async () => pruned, close } });
    await run(['prune', '-y'], { app: { prune: () => Promise.reject(new Error('no')), close } });
    expect(closed).toBe(2);
  });
});

describe('destructive verbs', () => {
  const verbs = [
    ['rollback v1 --with-database', 'rollback', deployed],
    ['backup restore 000001-v0.0.1', 'backupRestore', restored],
    ['prune', 'prune', pruned],
    ['backup prune', 'backupPrune', pruned],
  ] as const;
  const question = (typed: string): string =>
    `${typed} will:\n  - replace the database kaleem by 000001-v0.0.1, taken 2 h ago\ngo on? [y/N] `;

  it.each(verbs)('%s needs --yes without a terminal, before anything is loaded', async (typed) => {
    expect(await run(typed.split(' '))).toEqual({
      exitCode: 2,
      out: '',
      err: lines(
        `error: ${typed} destroys data, and there is no terminal to ask on`,
        'hint: add --yes to confirm, or --dry-run to see what it would do',
      ),
    });
    const { out } = await run([...typed.split(' '), '--json']);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'needs-confirmation' }, exitCode: 2 });
  });

  it.each(verbs)('%s runs with --yes, unasked', async (typed, method, answer) => {
    const { app, calls } = recording({ [method]: answer });
    expect(await run([...typed.split(' '), '--yes'], { app })).toMatchObject({ exitCode: 0, err: '' });
    expect(calls.map(([name]) => name)).toEqual([method]);
  });

  it.each(verbs)('%s asks on a terminal, naming what will happen', async (typed, method, answer) => {
    for (const typedAnswer of ['y\n', 'YES\n', '  y \n']) {
      const { app, calls } = recording({ plan: destructive, [method]: answer });
      const { exitCode, err } = await run(typed.split(' '), { app, terminal: true, typed: typedAnswer });
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: question(typed) });
      expect(calls.map(([name]) => name)).toEqual(['plan', method]);
    }
  });

  it.each(['n\n', '\n', 'yesterday\n', null])('do nothing after %j', async (typed) => {
    const { app, calls } = recording({ plan: destructive, prune: pruned });
    const { exitCode, out, err } = await run(['prune'], { app, terminal: true, typed, env: { NO_COLOR: '1' } });
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toBe(`${question('prune')}error: not confirmed; nothing was changed\n`);
    expect(calls.map(([name]) => name)).toEqual(['plan']);
  });

  it('ask nothing when nothing is destroyed', async () => {
    const { app } = recording({ plan: { ...destructive, destroys: [] }, prune: pruned });
    expect(await run(['prune'], { app, terminal: true })).toMatchObject({ exitCode: 0, err: '' });
  });

  it('an image-only rollback and maintenance ask nothing', async () => {
    const { app, calls } = recording({ rollback: deployed, maintenance: { fence: 'raised', changed: true } });
    expect((await run(['rollback'], { app })).exitCode).toBe(0);
    expect((await run(['maintenance', 'on'], { app })).exitCode).toBe(0);
    expect(calls).toEqual([
      ['rollback', { tag: null, withDatabase: false }],
      ['maintenance', 'on'],
    ]);
  });
});

describe('results', () => {
  it('of maintenance', async () => {
    const said = async (mode: string, fence: string, changed: boolean): Promise<string> => {
      const { app } = recording({ maintenance: { operation: null, fence, changed, warnings: [] } });
      return (await run(['maintenance', mode], { app })).out;
    };
    expect(await said('on', 'raised', true)).toBe(
      'maintenance is on: requests get 503 until `kaleem-deploy maintenance off`\n',
    );
    expect(await said('on', 'raised', false)).toContain('maintenance is already on');
    expect(await said('off', 'lifted', true)).toBe('maintenance is off: requests get through\n');
    expect(await said('off', 'lifted', false)).toBe('maintenance is already off: requests get through\n');
  });

  it('of prune', async () => {
    expect((await run(['prune', '-y'], recording({ prune: pruned }))).out).toBe(
      lines(
        'removed release 1  (older than 5 releases)',
        'removed image ghcr.io/o/api:v0.0.0  120 MB  (no release needs it)',
        'freed 120 MB',
      ),
    );
    const nothing = { ...pruned, releases: [], images: [], freedBytes: 0 };
    expect((await run(['backup', 'prune', '-y'], recording({ backupPrune: nothing }))).out).toBe('nothing to remove\n');
  });

  it('of a restore', async () => {
    const said = async (overrides: object): Promise<string> => {
      const { app } = recording({ backupRestore: { ...restored, ...overrides } });
      return (await run(['backup', 'restore', 'x', '-y'], { app })).out;
    };
    expect(await said({})).toBe(
      lines(
        'restored 000001-v0.0.1: 412 documents in 2 collections',
        '  kept, although the backup does not know them: kaleem.new',
        '  what was there before: backup 000002-aside',
        '  2.0s of downtime, 3.0s in all',
      ),
    );
    expect(await said({ extra: { kept: [], dropped: ['a', 'b'] }, aside: null, downtimeMs: null })).toBe(
      lines(
        'restored 000001-v0.0.1: 412 documents in 2 collections',
        '  dropped, since the backup does not know them: a, b',
        '  3.0s in all',
      ),
    );
  });

  it('of backup create', async () => {
    expect((await run(['backup', 'create'], recording({ backupCreate: backup }))).out).toMatch(
      /^backup 000001-v0\.0\.1\n/,
    );
  });
});
