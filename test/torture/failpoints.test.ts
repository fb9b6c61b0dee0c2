import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertInto } from '../support/database.ts';
import { docker } from '../support/docker.ts';
import { expectExit } from '../support/expectations.ts';
import { scanSources } from '../support/failpoint-names.ts';
import { apiImage, makeStack, type Stack } from '../support/stack.ts';
import { runTraced } from '../support/trace.ts';

/** Failpoints that none of the runs below meets, and why. */
const NOT_HERE: readonly (readonly [names: RegExp, why: string])[] = [
  [/^effect\.compose\.down\.|^compose\.down\./, 'the undo of a first deploy: test/e2e/bad-versions.test.ts'],
  [
    /^effect\.fence\.(?:detach|reattach)\.|^docker\.(?:dis)?connect\./,
    'a network shared with another project: test/e2e/by-hand.test.ts',
  ],
  [/^effect\.fence\.lift-dead\./, 'the rules of an operation whose record is gone: test/e2e/by-hand.test.ts'],
  [
    /^effect\.image\.(?:save|recover|retag)\.|^docker\.(?:saveImage|loadImage)\.|^file\.sync\./,
    'images that no registry has, or that somebody removed',
  ],
  [/^effect\.containers\.remove\.|^docker\.remove\./, 'services that a release no longer has'],
  [
    /^database\.(?:replica-set|ttl|expiry|kill-operation)\./,
    'servers that have replica sets, a TTL monitor or running index builds',
  ],
  [
    /^(?:archive|file)\.abandon\./,
    'clearing away after a failed write: test/unit/system/durable-file.test.ts and test/integration/backup',
  ],
  [/^file\.give\./, 'only where root works in the folder of another user: test/unit/system/ownership.test.ts'],
  [/^file\.make-private\./, 'nothing uses it at the moment'],
  [/^compose\.up\.|^compose\.runOneOff\./, 'inline configs; hooks in a container, whose effect is met'],
  [/^(?:effect\.)?copy\./, 'places for copies: test/e2e/copies.test.ts and test/integration/copies'],
  [/^gate\./, "the gate's record: test/unit/remote/gate and test/e2e/gate.test.ts"],
  [/^notify\./, 'whoever is told: test/e2e/notify.test.ts'],
  [/^ssh\.trust\./, 'a host key that somebody accepts, on another machine: test/integration/remote/host.test.ts'],
  [/^setup\./, 'preparing another host: test/e2e/setup.test.ts'],
  [/^journal\.cut\./, 'a torn line: test/unit/operation/journal.test.ts'],
];

const CONFIG = `
stability: 0s
backup: { keep_last: 2 }
keep_releases: 1
hooks:
  pre-deploy: ["true"]
  post-backup: ["true"]
  migrate: ["true"]
  post-deploy: ["true"]
  failed: ["true"]
registries:
  - { server: registry.invalid, username: nobody, password: { env: REGISTRY_PASSWORD } }
`;

describe('failpoints on real runs', () => {
  let stack: Stack;
  const met = new Map<string, Set<string>>();

  /** A tag whose image is in the registry and not on this host: v0.0.5 under a name of its own. */
  const pushOnly = async (): Promise<string> => {
    const tag = `v0.0.5-${randomBytes(4).toString('hex')}`;
    const container = await docker('create', apiImage('v0.0.5'));
    await docker('commit', '--change', `LABEL test=${tag}`, container, apiImage(tag));
    await docker('rm', container);
    await docker('push', '--quiet', apiImage(tag));
    await docker('rmi', apiImage(tag));
    return tag;
  };

  const run = async (code: number, ...argv: readonly string[]): Promise<void> => {
    const { outcome, hits } = await runTraced(stack, ...argv);
    expectExit(outcome, code);
    const verb = argv.join(' ');
    expect(hits.length, `${verb} met none`).toBeGreaterThan(0);
    for (const { name } of hits) met.set(name, (met.get(name) ?? new Set()).add(verb));
  };

  beforeAll(async () => {
    stack = await makeStack({ variables: { MAX_ATTEMPTS: '15', REGISTRY_PASSWORD: 'not-secret-enough' } });
    await stack.write('kaleem-deploy.yml', CONFIG);
  });
  afterAll(() => stack?.cleanup());

  it('are met by the verbs that change something', async () => {
    await run(0, 'v0.0.1');
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 1, item: 'fig' }]);
    await run(0, 'v0.0.2');
    await run(20, 'v0.0.3');
    await run(0, 'rollback');
    await run(0, 'rollback', 'v0.0.2', '--with-database', '--yes');
    // Pulled; and too old to be kept before long.
    await run(0, await pushOnly());
    await run(0, 'v0.0.2');
    await run(0, 'v0.0.1');
    await stack.write('kaleem-deploy.yml', CONFIG.replace('keep_last: 2', 'keep_last: 2, before_deploy: volume'));
    await run(0, 'v0.0.2');
    await run(20, 'v0.0.3');
    await run(0, 'v0.0.1');
    await run(0, 'backup', 'create');
    await run(0, 'backup', 'create');
    const [newest] = (await stack.run('backup', 'list', '--json')).json as readonly { readonly id: string }[];
    await run(0, 'backup', 'restore', newest?.id ?? '', '--yes');
    await run(0, 'backup', 'drill');
    await run(0, 'backup', 'pin', newest?.id ?? '');
    await run(0, 'backup', 'unpin', newest?.id ?? '');
    await run(0, 'maintenance', 'on');
    await run(0, 'maintenance', 'off');
    await run(0, 'backup', 'prune', '--yes');
    await run(0, 'prune', '--yes');
    await stack.armed({ KALEEM_FAILPOINTS: 'effect.containers.start.run=kill' }, 'v0.0.2').ended;
    await run(0, 'recover');
  });

  it('are all known from the sources, and none is never met without a reason', () => {
    const { names } = scanSources();
    expect([...met.keys()].filter((name) => !names.includes(name))).toEqual([]);
    const excused = (name: string): boolean => NOT_HERE.some(([pattern]) => pattern.test(name));
    expect(names.filter((name) => !met.has(name) && !excused(name))).toEqual([]);
    // A reason that is none any more goes.
    const stale = NOT_HERE.filter(([pattern]) => {
      const own = names.filter((name) => pattern.test(name));
      return own.length === 0 || own.every((name) => met.has(name));
    });
    expect(stale).toEqual([]);
  });
});
