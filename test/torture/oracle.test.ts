import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertInto } from '../support/database.ts';
import { docker } from '../support/docker.ts';
import { expectExit } from '../support/expectations.ts';
import { type Good, goodNow, judge, type Verdict } from '../support/oracle.ts';
import { apiImage, makeStack, type Stack } from '../support/stack.ts';

const UNCOUNTED = { uncounted: ['orders'] };
const MARKER = '0123456789abcdef';

// A check that cannot fail is no check: each case spoils one thing, sees it named, and puts it right again.
describe('the oracle', () => {
  let stack: Stack;
  let good: Good;
  let address = '';

  const verdict = (states: { old?: Good; new?: Good | null } = {}): Promise<Verdict> =>
    judge(stack, { old: good, new: null, ...states }, UNCOUNTED);
  const inState = (...names: readonly string[]): string => join(stack.directory, '.kaleem', ...names);
  const container = (service: string): string => `${stack.project}-${service}-1`;

  const withClient = async (work: (client: MongoClient) => Promise<unknown>): Promise<void> => {
    const client = new MongoClient(`mongodb://${address}/?directConnection=true`);
    try {
      await work(client);
    } finally {
      await client.close();
    }
  };
  /** A file that is not there otherwise. */
  const extraFile = (path: string, content = '') => ({
    spoil: () => writeFile(path, content),
    mend: () => rm(path),
  });
  /** An operation's folder with this journal. */
  const journal = (...lines: readonly object[]) => {
    const folder = () => inState('operations', '000099-abcd');
    return {
      async spoil() {
        await mkdir(folder());
        await writeFile(join(folder(), 'journal.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      },
      mend: () => rm(folder(), { recursive: true }),
    };
  };
  const BEGIN = { seq: 1, type: 'begin', step: 'deploy', data: { runner: MARKER } };
  /** A process that sleeps, and goes. */
  const sleeper = (options: () => { readonly cwd?: string; readonly env?: Record<string, string> }) => {
    let child: ReturnType<typeof spawn> | null = null;
    return {
      spoil: async () => {
        child = spawn('/bin/sleep', ['60'], { stdio: 'ignore', ...options() });
        await new Promise((resolve) => child?.once('spawn', resolve));
      },
      mend: async () => {
        child?.kill('SIGKILL');
      },
    };
  };
  const ended = journal(BEGIN, { seq: 2, type: 'end', step: 'succeeded', data: {} });
  const orphan = sleeper(() => ({ env: { KALEEM_DEPLOY_RUNNER: MARKER } }));

  interface Case {
    readonly what: string;
    readonly says: RegExp;
    spoil(): Promise<unknown>;
    mend(): Promise<unknown>;
  }
  const cases = (): readonly Case[] => [
    {
      what: 'a service that is down',
      says: /container \S+-redis-1: exited/,
      spoil: () => docker('stop', '-t', '1', container('redis')),
      mend: () => docker('start', container('redis')),
    },
    {
      what: 'a restart policy that was not given back',
      says: /redis: restartPolicy is no, not always/,
      spoil: () => docker('update', '--restart', 'no', container('redis')),
      mend: () => docker('update', '--restart', 'always', container('redis')),
    },
    {
      what: 'a container that is gone',
      says: /redis: it has no container/,
      spoil: () => docker('rm', '-f', container('redis')),
      mend: () => stack.compose('up', '-d', '--no-deps', 'redis'),
    },
    {
      what: 'nobody to answer at the edge',
      says: /edge: no answer answers/,
      spoil: () => docker('pause', container('nginx')),
      mend: () => docker('unpause', container('nginx')),
    },
    {
      what: 'a byte more in .env',
      says: /\.env: its bytes are others/,
      spoil: () => stack.write('.env', `${good.env}\n`),
      mend: () => stack.write('.env', good.env),
    },
    {
      what: 'a document that was changed',
      says: /database: products is 3 \S+, not 3 /,
      spoil: () =>
        withClient((client) =>
          client
            .db('kaleem')
            .collection('products')
            .updateOne({ name: 'fig' }, { $set: { spoilt: true } }),
        ),
      mend: () =>
        withClient((client) =>
          client
            .db('kaleem')
            .collection('products')
            .updateOne({ name: 'fig' }, { $unset: { spoilt: 1 } }),
        ),
    },
    {
      what: 'a collection too many',
      says: /database: leftovers is 1 \S+, not absent/,
      spoil: () => insertInto(address, 'leftovers', [{ a: 1 }]),
      mend: () => withClient((client) => client.db('kaleem').dropCollection('leftovers')),
    },
    {
      what: 'an index that is gone, even where documents do not count',
      says: /database: orders is /,
      spoil: () => withClient((client) => client.db('kaleem').collection('orders').dropIndex('number')),
      mend: () =>
        withClient((client) =>
          client.db('kaleem').collection('orders').createIndex({ number: 1 }, { unique: true, name: 'number' }),
        ),
    },
    {
      what: 'a temporary collection of a restore',
      says: /database: temporary collection kaleem-deploy_staged_000009-aaaa_0123456789abcdef/,
      spoil: () => insertInto(address, 'kaleem-deploy_staged_000009-aaaa_0123456789abcdef', [{ a: 1 }]),
      mend: () =>
        withClient((client) => client.db('kaleem').dropCollection('kaleem-deploy_staged_000009-aaaa_0123456789abcdef')),
    },
    { what: 'an operation without an end', says: /journal: operation 000099-abcd has no end/, ...journal(BEGIN) },
    {
      what: 'an operation that halted',
      says: /journal: operation 000099-abcd halted/,
      ...journal(BEGIN, { seq: 2, type: 'end', step: 'halted', data: {} }),
    },
    {
      what: 'a rule in the firewall',
      says: /fence: iptables -t nat -A OUTPUT/,
      spoil: () => firewall('-A'),
      mend: () => firewall('-D'),
    },
    { what: 'the note of a fence', says: /fence: fence\.json is there/, ...extraFile(inState('fence.json'), '{}') },
    { what: 'the note of a maintenance', says: /fence: maintenance\.json/, ...extraFile(inState('maintenance.json')) },
    {
      what: 'a half-written file of the state',
      says: /file: \S+\.live\.0123abcd\.tmp is left/,
      ...extraFile(inState('releases', '.live.0123abcd.tmp')),
    },
    {
      what: 'a half-written .env',
      says: /file: \S+\.env\.0123abcd\.tmp is left/,
      ...extraFile(join(stack.directory, '..env.0123abcd.tmp')),
    },
    {
      what: 'a half-written mounted file',
      says: /file: \S+nginx\.conf\.0123abcd\.tmp is left/,
      ...extraFile(join(stack.directory, 'nginx', '.nginx.conf.0123abcd.tmp')),
    },
    {
      what: 'half a release',
      says: /file: \S+\.new-000009-0123abcd is left/,
      spoil: () => mkdir(inState('releases', '.new-000009-0123abcd')),
      mend: () => rm(inState('releases', '.new-000009-0123abcd'), { recursive: true }),
    },
    {
      what: 'a half-written archive',
      says: /file: \S+archive\.gz\.tmp is left/,
      ...extraFile(join(stack.directory, 'backups', '.000099-x.archive.gz.tmp')),
    },
    {
      what: 'an archive without a manifest',
      says: /file: backup 000099-x has no manifest/,
      ...extraFile(join(stack.directory, 'backups', '000099-x.archive.gz')),
    },
    {
      what: 'a manifest without an archive',
      says: /file: backup 000099-x has no archive/,
      ...extraFile(join(stack.directory, 'backups', '000099-x.manifest.json')),
    },
    {
      what: 'a process that works in its folder',
      says: /process \d+ is left: \/bin\/sleep 60/,
      ...sleeper(() => ({ cwd: stack.directory })),
    },
    {
      what: 'a process with the mark of a runner of its own',
      says: /process \d+ is left: \/bin\/sleep 60/,
      spoil: async () => {
        await ended.spoil();
        await orphan.spoil();
      },
      mend: async () => {
        await orphan.mend();
        await ended.mend();
      },
    },
    {
      what: 'a one-off container',
      says: /container \S+-oneoff: a one-off is left/,
      spoil: () => strange('oneoff', 'api', 'True'),
      mend: () => docker('rm', '-f', `${stack.project}-oneoff`),
    },
    {
      what: 'a container that Compose was replacing',
      says: /container 0123456789ab_\S+: half replaced/,
      spoil: () => strange('api-1', 'api', 'False', '0123456789ab_'),
      mend: () => docker('rm', '-f', `0123456789ab_${stack.project}-api-1`),
    },
    {
      what: 'a container of a service that the release has not',
      says: /container-of-nobody: its service is none of the release's/,
      spoil: () => strange('container-of-nobody', 'nobody', 'False'),
      mend: () => docker('rm', '-f', `${stack.project}-container-of-nobody`),
    },
    {
      what: 'another release on record as live',
      says: /releases: release 7 is on record as live/,
      spoil: () => writeFile(inState('releases', 'live'), '7\n'),
      mend: () => writeFile(inState('releases', 'live'), '1\n'),
    },
    {
      what: 'a kept release whose image is gone',
      says: /releases: image sha256:0{64} of a kept release is gone/,
      spoil: async () => {
        const text = await readFile(inState('releases', '000001', 'release.json'), 'utf8');
        kept = text;
        const broken = text.replace(/("imageId": "sha256:)[0-9a-f]{64}/, `$1${'0'.repeat(64)}`);
        await writeFile(inState('releases', '000001', 'release.json'), broken);
      },
      mend: () => writeFile(inState('releases', '000001', 'release.json'), kept),
    },
  ];
  let kept = '';

  const firewall = async (how: '-A' | '-D'): Promise<void> => {
    const comment = `kaleem-deploy:${stack.project}/000099-abcd`;
    const rule = ['OUTPUT', '-p', 'tcp', '--dport', '1', '-m', 'comment', '--comment', comment, '-j', 'ACCEPT'];
    const child = spawn('iptables', ['-w', '10', '-t', 'nat', how, ...rule], { stdio: 'ignore' });
    await new Promise((resolve) => child.once('close', resolve));
  };
  /** A container that belongs to the project by its labels, and runs. */
  const strange = (name: string, service: string, oneOff: string, prefix = ''): Promise<string> => {
    const labels = { project: stack.project, service, oneoff: oneOff };
    const options = Object.entries(labels).flatMap(([key, value]) => ['--label', `com.docker.compose.${key}=${value}`]);
    return docker('run', '-d', '--name', `${prefix}${stack.project}-${name}`, ...options, 'redis:7');
  };

  beforeAll(async () => {
    stack = await makeStack();
    expectExit(await stack.run('v0.0.1'), 0);
    address = await stack.databaseAddress();
    await insertInto(address, 'orders', [{ number: 1, item: 'fig' }]);
    good = await goodNow(stack, 'v0.0.1', UNCOUNTED);
  });
  afterAll(() => stack?.cleanup());

  it('finds nothing wrong with what is right, and documents that do not count may come', async () => {
    expect(await verdict()).toEqual({ is: 'old-good', violations: [] });
    await insertInto(address, 'orders', [{ number: 2, item: 'fig' }]);
    expect(await verdict()).toEqual({ is: 'old-good', violations: [] });
  });

  it('tells one good state from the other', async () => {
    const other: Good = { ...good, env: `${good.env}# another\n` };
    expect(await verdict({ old: other, new: good })).toEqual({ is: 'new-good', violations: [] });
    expect(await verdict({ old: good, new: other })).toEqual({ is: 'old-good', violations: [] });
    expect((await verdict({ old: other })).is).toBe('neither');
  });

  it('looks at the rendered definition of each container', async () => {
    const services = Object.fromEntries(
      Object.entries(good.services).map(([name, facts]) => [
        name,
        name === 'api' ? { ...facts, configHash: 'f00' } : facts,
      ]),
    );
    const { violations } = await verdict({ old: { ...good, services } });
    expect(violations).toEqual([expect.stringMatching(/^api: configHash is \w+, not f00$/)]);
  });

  it('names whatever is spoilt, and only while it is', async () => {
    for (const { what, says, spoil, mend } of cases()) {
      await spoil();
      const spoilt = await verdict().finally(mend);
      expect.soft(spoilt.violations.join('\n'), what).toMatch(says);
      expect.soft(spoilt.is, what).toBe('neither');
    }
    // Whatever was started again has to come up.
    await expect.poll(async () => (await verdict()).violations, { timeout: 20_000, interval: 500 }).toEqual([]);
  });

  it('sees another image, and that nothing can be looked at without a database', async () => {
    await stack.setVariable('KALEEM_API_IMAGE', apiImage('v0.0.5'));
    await stack.compose('up', '-d', '--wait', '--no-deps', 'api');
    await stack.write('.env', good.env);
    const { violations } = await verdict();
    expect(violations.join('\n')).toMatch(/api: imageId is sha256:/);
    expect(violations.join('\n')).toMatch(/api port: v0\.0\.5 answers/);
    await docker('stop', '-t', '1', container('mongo'));
    expect((await verdict()).violations).toEqual([expect.stringMatching(/^it can't even be looked at/)]);
  });
});
