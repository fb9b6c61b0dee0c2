import { describe, expect, it } from 'vitest';
import { run } from './support.ts';

/** Nothing is loaded in these: `run` fails the test with exit 1 when it is. */
const refused = async (argv: readonly string[], err: readonly string[]): Promise<void> => {
  expect(await run(argv)).toEqual({ exitCode: 2, out: '', err: `${err.join('\n')}\n` });
};

describe('mistakes on the command line are exit 2 and touch nothing', () => {
  const mistakes: readonly (readonly [string, readonly string[]])[] = [
    ['', ['error: what is to be done?', 'hint: kaleem-deploy <tag> deploys; kaleem-deploy --help lists the verbs']],
    ['-q', ["error: missing required argument 'tag'", 'hint: kaleem-deploy --help']],
    ['deploy', ["error: missing required argument 'tag'", 'hint: kaleem-deploy deploy --help']],
    [
      'deploy v1 v2',
      ["error: too many arguments for 'deploy'. Expected 1 argument but got 2.", 'hint: kaleem-deploy deploy --help'],
    ],
    ['v1 v2', ["error: too many arguments for 'deploy'. Expected 1 argument but got 2.", 'hint: kaleem-deploy --help']],
    [
      'status now',
      ["error: too many arguments for 'status'. Expected 0 arguments but got 1.", 'hint: kaleem-deploy status --help'],
    ],
    ['--bogus v1', ["error: unknown option '--bogus'", 'hint: kaleem-deploy --help']],
    ['status --bogus', ["error: unknown option '--bogus'", 'hint: kaleem-deploy status --help']],
    [
      'v1 --restart-al',
      ["error: unknown option '--restart-al'", 'hint: did you mean --restart-all? see kaleem-deploy --help'],
    ],
    ['-x v1', ["error: unknown option '-x'", 'hint: kaleem-deploy --help']],
    ['--hots web v1', ["error: unknown option '--hots'", 'hint: did you mean --host? see kaleem-deploy --help']],
    ['backup', ['error: a verb is missing', 'hint: kaleem-deploy backup --help']],
    ['backup lst', ["error: unknown command 'lst'", 'hint: did you mean list? see kaleem-deploy backup --help']],
    ['backup show', ["error: missing required argument 'id'", 'hint: kaleem-deploy backup show --help']],
    ['backup pin', ["error: missing required argument 'id'", 'hint: kaleem-deploy backup pin --help']],
    ['backup restore', ["error: missing required argument 'id-or-file'", 'hint: kaleem-deploy backup restore --help']],
    ['maintenance', ['error: a verb is missing', 'hint: kaleem-deploy maintenance --help']],
    [
      'maintenance of',
      ["error: unknown command 'of'", 'hint: did you mean one of off, on? see kaleem-deploy maintenance --help'],
    ],
    ['notify', ['error: a verb is missing', 'hint: kaleem-deploy notify --help']],
    [
      'notify test --dry-run',
      [
        'error: --dry-run: a test that sends nothing tests nothing',
        'hint: kaleem-deploy config shows who would be told',
      ],
    ],
    ['lock', ['error: a verb is missing', 'hint: kaleem-deploy lock --help']],
    ['-q -v status', ['error: --quiet and --verbose contradict each other', 'hint: leave one out']],
    ['status -qv', ['error: --quiet and --verbose contradict each other', 'hint: leave one out']],
    ['status --config', ["error: option '-c, --config <file>' argument missing", 'hint: kaleem-deploy status --help']],
    [
      'status --config=',
      ["error: option '-c, --config <file>' argument '' is invalid. It is empty.", 'hint: kaleem-deploy status --help'],
    ],
    ['-d', ["error: option '-d, --destination <name>' argument missing", 'hint: kaleem-deploy --help']],
    ...['-1', 'soon', '1e3', ''].map(
      (value) =>
        [
          `v1 --lock-wait=${value}`,
          [
            `error: option '--lock-wait <seconds>' argument '${value}' is invalid. Expected seconds, such as 30.`,
            'hint: kaleem-deploy --help',
          ],
        ] as const,
    ),
    ...['-1', '1.5', 'ten', '99999999999999999999'].map(
      (value) =>
        [
          `logs --tail ${value}`,
          [
            `error: option '--tail <number>' argument '${value}' is invalid. Expected a whole number, 0 or more.`,
            'hint: kaleem-deploy logs --help',
          ],
        ] as const,
    ),
    [
      'history -n 0',
      [
        "error: option '-n, --limit <number>' argument '0' is invalid. Expected a whole number, 1 or more.",
        'hint: kaleem-deploy history --help',
      ],
    ],
    ...['KALEEM_API_IMAGE', 'KALEEM_API_IMAGE=', '=v1', '2BAD=v1', 'A-B=v1'].map(
      (value) =>
        [
          `v1 --image ${value}`,
          [
            `error: option '--image <VAR=tag>' argument '${value}' is invalid. Expected VARIABLE=tag, such as KALEEM_API_IMAGE=v0.0.2.`,
            'hint: kaleem-deploy --help',
          ],
        ] as const,
    ),
    [
      'v1 --image A=v2 --image A=v3',
      [
        "error: option '--image <VAR=tag>' argument 'A=v3' is invalid. A is already given the tag v2.",
        'hint: kaleem-deploy --help',
      ],
    ],
  ];
  it.each(mistakes)('kaleem-deploy %s', (typed, err) => refused(typed.split(' ').filter(Boolean), err));

  it.each([
    ['v1:2'],
    ['repo/app'],
    ['.hidden'],
    ['-rf'],
    ['v1 v2'],
    ['v1;reboot'],
    ['$(id)1'],
    ['v1\n'],
    [''],
    ['é1'],
    ['v1@sha256'],
    ['1'.repeat(129)],
  ])('the tag %j', async (tag) => {
    for (const argv of [
      ['--', tag],
      ['deploy', '--', tag],
      ['rollback', '--', tag],
    ]) {
      const { exitCode, out, err } = await run(argv);
      expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
      expect(err).toMatch(/^error: .* is not an image tag: /);
    }
  });

  it('a bad tag in --image', async () => {
    const { exitCode, err } = await run(['v1', '--image', 'A=v1:2']);
    expect(exitCode).toBe(2);
    expect(err).toContain('"v1:2" is not an image tag');
  });

  it('is one JSON document with --json, wherever it stands', async () => {
    for (const argv of [
      ['--json', 'status', '--bogus'],
      ['status', '--bogus', '--json'],
    ]) {
      const { exitCode, out, err } = await run(argv);
      expect({ exitCode, err }).toEqual({ exitCode: 2, err: '' });
      expect(JSON.parse(out)).toEqual({
        error: {
          code: 'usage',
          message: "unknown option '--bogus'",
          hint: 'kaleem-deploy status --help',
          details: [],
        },
        exitCode: 2,
      });
    }
  });

  it('takes --json after -- as an argument', async () => {
    const { exitCode, out } = await run(['--', '--json']);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  });
});

describe('a word that is not a verb', () => {
  it.each([
    ['stauts', 'status'],
    ['Status', 'status'],
    ['roolback', 'rollback'],
    ['deply', 'deploy'],
    ['log', 'logs'],
    ['backups', 'backup'],
    ['maintainance', 'maintenance'],
    ['hlep', 'help'],
    ['back-up', 'backup'],
  ])('%s is a mistyped verb: %s is suggested', async (word, verb) => {
    const err = [
      `error: unknown verb "${word}"; did you mean "${verb}"?`,
      `hint: kaleem-deploy ${verb}, or, when ${word} is a tag: kaleem-deploy deploy ${word}`,
    ];
    await refused([word], err);
    await refused(['--dry-run', word], err);
    await refused(['--restart-all', word], err);
    await refused([word, 'now'], err);
  });

  it.each(['v0.0.2', 'v2', 'latest', 'main', 'stable', 'log2', 'status.1', 'prod', 'edge', 'health-endpoint-fix'])(
    '%s is deployed',
    async (tag) => {
      const deployed: string[] = [];
      const app = { deploy: (request: { readonly tag: string }) => Promise.reject(deployed.push(request.tag)) };
      await run([tag], { app });
      expect(deployed).toEqual([tag]);
    },
  );

  it('deploy forces a tag that looks like a verb', async () => {
    const deployed: string[] = [];
    const app = { deploy: (request: { readonly tag: string }) => Promise.reject(deployed.push(request.tag)) };
    for (const argv of [
      ['deploy', 'stauts'],
      ['deploy', '--restart-all', 'status'],
      ['-q', 'deploy', 'deploy'],
    ]) {
      await run(argv, { app });
    }
    expect(deployed).toEqual(['stauts', 'status', 'deploy']);
  });
});
