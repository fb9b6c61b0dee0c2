import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CopyServer, startS3, startSshd } from '../support/copy-places.ts';
import { insertInto } from '../support/database.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { mayHoldSecrets, searchFiles } from './secrets/search-files.ts';
import { foundIn } from './secrets/sentinels.ts';

interface Listed {
  readonly id: string;
  readonly problem: string | null;
  readonly pinned: string | null;
}

describe('copies of backups elsewhere', () => {
  let stack: Stack;
  let sshd: CopyServer;
  let s3: CopyServer;
  const places = (): string => `copies: [${sshd.yaml}, ${s3.yaml}]`;
  const configure = (backup: string): Promise<void> =>
    stack.write('kaleem-deploy.yml', `stability: 0s\nbackup: { ${backup} }\n`);
  const listed = async (place?: string): Promise<readonly Listed[]> => {
    const outcome = await stack.run('backup', 'list', ...(place === undefined ? [] : ['--copy', place]), '--json');
    expectExit(outcome, 0);
    return outcome.json as readonly Listed[];
  };
  const ids = async (place?: string): Promise<readonly string[]> => (await listed(place)).map(({ id }) => id);
  const create = async (): Promise<string> => {
    const outcome = await stack.run('backup', 'create', '--json');
    expectExit(outcome, 0);
    return (outcome.json as Listed).id;
  };
  const backups = (): string => join(stack.directory, 'backups');

  beforeAll(async () => {
    [sshd, s3] = await Promise.all([startSshd(), startS3()]);
    stack = await makeStack({ variables: s3.variables });
    await configure(places());
    expectExit(await stack.run('v0.0.1'), 0);
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 1, item: 'fig' }]);
  });
  afterAll(async () => {
    await stack?.cleanup();
    await Promise.all([sshd?.stop(), s3?.stop()]);
  });

  it('are made at the end of `backup create`, byte for byte, at each place', async () => {
    const id = await create();
    for (const server of [sshd, s3]) {
      expect(await ids(server.place.name)).toContain(id);
      for (const name of [`${id}.archive.gz`, `${id}.manifest.json`]) {
        const copy = await readFile(join(server.folder, name));
        expect(copy.equals(await readFile(join(backups(), name)))).toBe(true);
      }
      expect(await server.unfinished()).toBe(0);
    }
    const again = await stack.run('backup', 'push', '--json');
    expectExit(again, 0);
    expect(again.json).toMatchObject({ places: [{ pushed: [] }, { pushed: [] }] });
    const status = await stack.run('status');
    expect(status.stdout).toContain(`copies at attic: ${id}, last push`);
    expect((await stack.run('doctor')).stdout).toContain(`attic has ${id}; bucket has ${id}`);
  });

  it('show no secret, in whatever is printed or kept', async () => {
    const [secret = ''] = Object.values(s3.variables);
    const outcomes = [
      await stack.run('config'),
      await stack.run('backup', 'push', '-v'),
      await stack.run('doctor', '--json'),
    ];
    const sentinels = [{ name: 'secret access key', value: secret }];
    for (const { stdout, stderr } of outcomes) expect(foundIn(stdout + stderr, sentinels)).toEqual([]);
    const { holding } = await searchFiles(stack.directory, sentinels);
    expect(holding).toContain('.env');
    expect(holding.filter((name) => !mayHoldSecrets(name))).toEqual([]);
  });

  it('bring a backup back that this host has lost, and its content into the database', async () => {
    const id = await create();
    const content = await stack.fingerprint();
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 2, item: 'date' }]);
    await rm(backups(), { recursive: true });
    const plan = await stack.run('backup', 'restore', id, '--from', 'attic', '--dry-run');
    expectExit(plan, 0);
    expect(plan.stdout).toContain(`bring backup ${id} from attic`);
    expect(await readdir(stack.directory)).not.toContain('backups');
    expectExit(await stack.run('backup', 'restore', id, '--from', 'attic', '--yes'), 0);
    expect(await stack.fingerprint()).toEqual(content);
    await expectServes(stack, 'v0.0.1');
    expect(await readdir(backups())).not.toContain('.pull');

    await rm(join(backups(), `${id}.archive.gz`));
    const pulled = await stack.run('backup', 'pull', id, '--from', 'bucket', '--json');
    expectExit(pulled, 0);
    expect(pulled.json).toMatchObject({ backup: id, changed: true });
    expectExit(await stack.run('backup', 'verify', id), 0);
    expect((await stack.run('backup', 'pull', id, '--from', 'bucket', '--json')).json).toMatchObject({
      changed: false,
    });
  });

  it('take a backup and keep it when a place is out of reach, and say so with exit code 40', async () => {
    const [known = ''] = [sshd.place.type === 'sftp' ? sshd.place.knownHosts : ''];
    const text = await readFile(known, 'utf8');
    await writeFile(known, '');
    const unknown = await stack.run('backup', 'create');
    expectExit(unknown, 40);
    expect(unknown.stderr).toMatch(
      /backup \S+ is made and verified, but not copied: attic .* is not known: ssh-ed25519 SHA256:/,
    );
    expect(unknown.stderr).toContain(`>> ${known}`);
    const [newest] = await ids();
    expect(unknown.stderr).toContain(newest);
    // The other place has it all the same.
    expect((await ids('bucket'))[0]).toBe(newest);
    expect((await stack.run('status')).stdout).toContain('the last push to attic failed:');
    expectExit(await stack.run('doctor'), 3);

    await writeFile(known, text.replace(/ssh-ed25519 \S+/, `ssh-ed25519 ${Buffer.from('another').toString('base64')}`));
    const changed = await stack.run('backup', 'push');
    expectExit(changed, 40);
    expect(changed.stderr).toContain('is another one than');
    await writeFile(known, text);
    expectExit(await stack.run('backup', 'push'), 0);
    expect((await ids('attic'))[0]).toBe(newest);
    expectExit(await stack.run('doctor'), 0);
  });

  it.each([
    ['the secret is wrong', { S3_SECRET: 'wrong-wrong-wrong' }, 'SignatureDoesNotMatch'],
    ['there is no such bucket', {}, 'NoSuchBucket'],
  ])('are refused when %s', async (_, variables, says) => {
    const yaml = Object.keys(variables).length > 0 ? s3.yaml : s3.yaml.replace(/s3:\/\/[^/]+/, 's3://nobodys-bucket');
    await configure(`copies: [${yaml}]`);
    const outcome = await stack.startUnder([], variables, 'backup', 'push').ended;
    await configure(places());
    expectExit(outcome, 40);
    expect(outcome.stderr).toContain(says);
  });

  it.each(['copy.name.before', 'copy.put.after'])(
    'go on after a kill at %s, and leave nothing unfinished',
    async (failpoint) => {
      const killed = await stack.armed({ KALEEM_FAILPOINTS: `${failpoint}=kill` }, 'backup', 'create').ended;
      expectExit(killed, 1);
      expectExit(await stack.run('backup', 'push'), 0);
      const [newest] = await ids();
      for (const { place, unfinished } of [sshd, s3]) {
        expect((await listed(place.name)).filter(({ problem }) => problem !== null)).toEqual([]);
        expect((await ids(place.name))[0]).toBe(newest);
        expect(await unfinished()).toBe(0);
      }
    },
  );

  it('are found out when they are not what they should be, before anything is touched', async () => {
    const [id = ''] = await ids('attic');
    const archive = join(sshd.folder, `${id}.archive.gz`);
    const [whole, before] = [await readFile(archive), await stack.fingerprint()];
    await rm(join(backups(), `${id}.archive.gz`));
    await rm(join(backups(), `${id}.manifest.json`));
    const flipped = Buffer.from(whole);
    flipped[100] = (flipped[100] ?? 0) ^ 1;
    await writeFile(archive, flipped);
    expectExit(await stack.run('backup', 'restore', id, '--from', 'attic', '--yes'), 31);
    await truncate(archive, 50);
    expectExit(await stack.run('backup', 'pull', id, '--from', 'attic'), 31);
    expect((await listed('attic'))[0]?.problem).toContain('has 50 bytes and should have');
    await writeFile(archive, whole);
    const manifest = join(sshd.folder, `${id}.manifest.json`);
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace(`"archive": "${id}`, '"archive": "../../etc/passwd'));
    expectExit(await stack.run('backup', 'pull', id, '--from', 'attic'), 31);
    await writeFile(manifest, text);
    expect(await readdir(backups())).not.toContain(`${id}.archive.gz`);
    expect(await stack.fingerprint()).toEqual(before);
    expectExit(await stack.run('backup', 'pull', id, '--from', 'attic'), 0);
  });

  it('are kept by rules of their own, and what is not ours stays', async () => {
    const pinned = (await ids())[1] ?? '';
    expectExit(await stack.run('backup', 'pin', pinned, '--reason', 'the audit'), 0);
    await configure(`keep_last: 20, copies: [${sshd.yaml.replace('{', '{ keep_last: 2,')}, ${s3.yaml}]`);
    for (let more = 0; more < 2; more += 1) await create();
    await writeFile(join(sshd.folder, 'holiday.archive.gz'), 'somebody else');
    await writeFile(join(sshd.folder, 'notes.txt'), 'somebody else');
    const before = await ids('bucket');
    const plan = await stack.run('backup', 'prune', '--dry-run');
    expectExit(plan, 0);
    expect(plan.stdout).toContain(`keep backup ${pinned} at attic: pinned: the audit`);
    expect(plan.stdout).toMatch(/remove backup \S+ at attic: no rule keeps it/);
    expectExit(await stack.run('backup', 'prune', '--yes'), 0);
    const left = await listed('attic');
    const own = left.filter(({ problem }) => problem === null).map(({ id }) => id);
    expect(own).toContain(pinned);
    expect(own.slice(0, 2)).toEqual((await ids()).slice(0, 2));
    expect(own.length).toBeLessThan(before.length);
    expect(await ids('bucket')).toEqual(before);
    expect(await readdir(sshd.folder)).toEqual(expect.arrayContaining(['holiday.archive.gz', 'notes.txt']));
    // What prune has removed is not pushed again.
    expect((await stack.run('backup', 'push', '--json')).json).toMatchObject({
      places: [{ pushed: [] }, { pushed: [] }],
    });
  });

  it('are made by one push at a time', async () => {
    await configure(places());
    const first = stack.armed(
      { KALEEM_FAILPOINTS: 'copy.put.before=delay:3000' },
      '--lock-wait',
      '60',
      'backup',
      'create',
    );
    const outcomes = await Promise.all([first.ended, stack.run('--lock-wait', '60', 'backup', 'push')]);
    for (const outcome of outcomes) expectExit(outcome, 0);
  });
});
