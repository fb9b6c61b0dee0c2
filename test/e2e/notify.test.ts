import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../support/command.ts';
import { insertInto } from '../support/database.ts';
import { expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { freePort } from '../support/free-port.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { type Certificate, manners, type Receiver, startReceiver } from '../support/receiver.ts';
import { makeStack, type Stack } from '../support/stack.ts';
import { mayHoldSecrets, searchFiles } from './secrets/search-files.ts';
import { foundIn, type Sentinel, sentinel } from './secrets/sentinels.ts';

const makeCertificate = async (folder: string): Promise<Certificate> => {
  const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await promisify(execFile)('openssl', [...request, ...names, '-keyout', files.key, '-out', files.cert]);
  return { key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') };
};

interface Told {
  readonly event: string;
  readonly subject: string;
  readonly previous: string | null;
  readonly error: { readonly message: string } | null;
}

describe('whoever is to be told', () => {
  let folder: string;
  let stack: Stack;
  let receiver: Receiver;
  let secure: Receiver;
  let mail: MailServer;
  let downPort: number;
  const secrets: Readonly<Record<string, Sentinel>> = Object.fromEntries(
    ['hook', 'signing', 'slack', 'teams', 'discord', 'telegram', 'mail', 'ping', 'down'].map((name) => [
      name,
      sentinel(name),
    ]),
  );
  const secret = (name: string): string => secrets[name]?.value ?? '';

  const config = (more = '', hooks = ''): string => `
stability: 0s
${hooks}
notify:
  - {name: hook, type: webhook, url: {env: HOOK_URL}, secret: {env: HOOK_SIGNING}, events: [started, done, failed, rolled-back, backup-failed]}
  - {name: ops, type: slack, url: {env: SLACK_HOOK}}
  - {name: team, type: teams, url: {env: TEAMS_HOOK}}
  - {name: guild, type: discord, url: {env: DISCORD_HOOK}}
  - {name: chat, type: telegram, token: {env: TELEGRAM}, chat: "-1001", api: "${receiver.url}"}
  - name: mail
    type: email
    host: localhost
    port: ${mail.port}
    tls: starttls
    username: deploy
    password: {env: MAIL_LOGIN}
    from: deploy@example.com
    to: ops@example.com
  - {name: nightly, type: healthchecks, url: {env: PING_HOOK}, for: [backup, drill]}
  - {name: down, type: slack, url: {env: DOWN_HOOK}}
${more}
`;

  /** Nothing that it says may have a secret in it. */
  const run = async (code: number, ...argv: readonly string[]): Promise<Outcome> => {
    const variables = { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'), MAX_ATTEMPTS: '30' };
    const outcome = await stack.startUnder([], variables, ...argv).ended;
    expectExit(outcome, code);
    expect(foundIn(outcome.stdout + outcome.stderr, Object.values(secrets))).toEqual([]);
    return outcome;
  };
  const bodiesAt = (name: string, from: Receiver = receiver): readonly string[] =>
    from.received.filter(({ path }) => path.includes(secret(name))).map(({ body }) => body);
  const told = (): readonly Told[] => bodiesAt('hook', secure).map((body) => JSON.parse(body) as Told);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kaleem-notify-'));
    const certificate = await makeCertificate(folder);
    [receiver, secure] = await Promise.all([startReceiver(), startReceiver(certificate)]);
    mail = await startMailServer({
      ...{ ...certificate, authOptional: false },
      onAuth({ username, password }, _session, done) {
        if (username === 'deploy' && password === secret('mail')) done(null, { user: username });
        else done(Object.assign(new Error(`bad password ${password}`), { responseCode: 535 }));
      },
    });
    downPort = await freePort();
    stack = await makeStack({
      variables: {
        ...{ HOOK_URL: `${secure.url}/in/${secret('hook')}`, HOOK_SIGNING: secret('signing') },
        SLACK_HOOK: `${receiver.url}/services/T/B/${secret('slack')}`,
        TEAMS_HOOK: `${receiver.url}/workflows/x?sig=${secret('teams')}`,
        DISCORD_HOOK: `${receiver.url}/api/webhooks/1/${secret('discord')}`,
        ...{ TELEGRAM: `1:${secret('telegram')}`, MAIL_LOGIN: secret('mail') },
        PING_HOOK: `${receiver.url}/${secret('ping')}`,
        DOWN_HOOK: `http://127.0.0.1:${downPort}/services/${secret('down')}`,
      },
    });
    await stack.write('kaleem-deploy.yml', config());
  });
  afterAll(async () => {
    await stack?.cleanup();
    await Promise.all([receiver?.stop(), secure?.stop(), mail?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('gets a test message, and it is said who did not', async () => {
    const { stdout } = await run(3, 'notify', 'test');
    for (const name of ['hook', 'ops', 'team', 'guild', 'chat', 'mail', 'nightly']) {
      expect(stdout).toMatch(new RegExp(`^ok +${name} `, 'm'));
    }
    expect(stdout).toMatch(/^fail +down \(slack\) +connection refused/m);
    expect(receiver.received.map(({ path }) => path.split('?')[0])).toContain(`/${secret('ping')}/log`);
    expect(mail.mails).toHaveLength(1);
    await run(0, 'notify', 'test', 'mail', '--json');
  });

  it('hears of a good deploy what it chose to', async () => {
    const before = mail.mails.length;
    await run(0, 'v0.0.1');
    await insertInto(await stack.databaseAddress(), 'orders', [{ number: 1, item: 'fig' }]);
    const { stderr } = await run(0, 'v0.0.2');
    await expectServes(stack, 'v0.0.2');
    expect(told().slice(1)).toMatchObject([
      { event: 'started', subject: 'v0.0.1', previous: null },
      { event: 'done', subject: 'v0.0.1', previous: null },
      { event: 'started', subject: 'v0.0.2', previous: 'v0.0.1' },
      { event: 'done', subject: 'v0.0.2', previous: 'v0.0.1' },
    ]);
    // The others have chosen to hear of what a person must know.
    expect(bodiesAt('slack')).toHaveLength(1);
    expect(mail.mails).toHaveLength(before);
    expect(stderr).not.toContain('was not told');
  });

  it('can verify that it was us', () => {
    const last = secure.received.at(-1);
    const timestamp = String(last?.headers['kaleem-timestamp']);
    const expected = createHmac('sha256', secret('signing')).update(`${timestamp}.${last?.body}`).digest('hex');
    expect(last?.headers['kaleem-signature']).toBe(`sha256=${expected}`);
  });

  it('hears that a bad one was rolled back, each in its own form, without the secret that an error shows', async () => {
    const leak = 'hooks: {migrate: [sh, -c, "grep MAIL_LOGIN .env; exit 3"]}';
    await stack.write('kaleem-deploy.yml', config('', leak));
    const { stderr } = await run(20, 'v0.0.1');
    await stack.write('kaleem-deploy.yml', config());
    await expectServes(stack, 'v0.0.2');
    expect(stderr).toMatch(/down \(slack\) was not told "rolled-back": connection refused/);
    expect(told().at(-1)).toMatchObject({
      ...{ event: 'rolled-back', subject: 'v0.0.1', previous: 'v0.0.2' },
      error: { message: expect.stringContaining('MAIL_LOGIN=[redacted]') },
    });
    for (const name of ['slack', 'teams', 'discord', 'telegram']) {
      expect([name, bodiesAt(name).at(-1)]).toEqual([name, expect.stringContaining('failed and was rolled back')]);
    }
    expect(mail.mails.at(-1)).toContain('failed and was rolled back');
    const { id } = await lastOperation(stack);
    const log = await stack.read(`.kaleem/operations/${id}/log.jsonl`);
    expect(log).toMatch(/"notifier":"ops".*"msg":"notified"/);
    expect(log).toMatch(/"notifier":"down".*"msg":"not notified"/);
  });

  it('is pinged when a backup begins and when it is made, or is not', async () => {
    const pings = (): readonly string[] =>
      receiver.received.flatMap(({ path }) => {
        const [at = ''] = path.split('?');
        return at.startsWith(`/${secret('ping')}`) ? [at.slice(secret('ping').length + 1)] : [];
      });
    const before = pings().length;
    await run(0, 'backup', 'create');
    await run(0, 'backup', 'drill');
    await stack.setVariable('MONGODB_URI', 'mongodb://nowhere.invalid:27017/kaleem');
    await run(12, 'backup', 'create');
    await stack.setVariable('MONGODB_URI', 'mongodb://mongo:27017/kaleem');
    expect(pings().slice(before)).toEqual(['/start', '', '/start', '', '/fail']);
    expect(told().at(-1)).toMatchObject({ event: 'backup-failed' });
  });

  it('does not hold up a deploy when it never answers', async () => {
    receiver.behave(manners.silent);
    const slow = `  - {name: slow, type: slack, url: {env: SLACK_HOOK}, events: [started, done]}`;
    await stack.write('kaleem-deploy.yml', config(slow));
    const began = performance.now();
    const { json, stderr } = await run(0, 'v0.0.1', '--json');
    const whole = performance.now() - began;
    const { elapsedMs } = json as { readonly elapsedMs: number };
    await expectServes(stack, 'v0.0.1');
    expect(stderr).toMatch(/slow \(slack\) was not told "done": there was no more time/);
    // The 10 s, and what starting and looking takes.
    expect(whole - elapsedMs).toBeGreaterThan(9_000);
    expect(whole - elapsedMs).toBeLessThan(25_000);
    receiver.behave(manners.ok);
  });

  it('hears nothing of one that is killed after its end, which stays what it was', async () => {
    await stack.write('kaleem-deploy.yml', config());
    const before = told().length;
    const variables = {
      NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
      // The first is the start.
      KALEEM_FAILPOINTS: 'notify.send.before#2=kill',
    };
    const { code } = await stack.armed(variables, 'v0.0.2').ended;
    expect(code).toBe(1);
    expect(told().slice(before)).toMatchObject([{ event: 'started', subject: 'v0.0.2' }]);
    expect(await lastOperation(stack)).toMatchObject({ subject: 'v0.0.2', outcome: 'succeeded' });
    await expectServes(stack, 'v0.0.2');
    expect((await run(0, 'recover')).stdout).toContain('nothing');
  });

  it('shows no secret anywhere', async () => {
    const all = Object.values(secrets);
    for (const { body } of [...receiver.received, ...secure.received]) expect(foundIn(body, all)).toEqual([]);
    for (const each of mail.mails) expect(foundIn(each, all)).toEqual([]);
    await run(0, 'config');
    await run(0, 'doctor');
    const { holding } = await searchFiles(stack.directory, all);
    expect(holding.filter((name) => !mayHoldSecrets(name))).toEqual([]);
  });
});
