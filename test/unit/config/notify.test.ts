import { describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { maskedConfig } from '../../../src/config/describe.ts';
import { collectSecrets } from '../../../src/config/secrets.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { describeBad, INVALID } from './bad-inputs.ts';
import { load, project } from './project.ts';

const SECRETS = {
  HOOK_URL: 'https://hooks.example.com/in?sig=Zm9vYmFyYmF6cXV4MTIzNDU2',
  HOOK_SECRET: 'signs-it-all',
  SLACK_URL: 'https://hooks.slack.com/services/T0000000/B0000000/abcdefgh1jklmnopqrstuvwx',
  TELEGRAM: '123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr',
  SMTP_LOGIN: 'mail-hunter22',
  PING_URL: 'https://hc-ping.com/4f1e2d3c-5b6a-4978-8c9d-0e1f2a3b4c5d',
};
const YAML = `
notify:
  - {name: hook, type: webhook, url: {env: HOOK_URL}, secret: {env: HOOK_SECRET}, events: [started, done]}
  - {name: ops, type: slack, url: '\${SLACK_URL}'}
  - {name: chat, type: telegram, token: {env: TELEGRAM}, chat: -1001234567890, events: halted}
  - name: mail
    type: email
    host: smtp.example.com
    username: me@example.com
    password: {env: SMTP_LOGIN}
    from: deploy@example.com
    to: [a@example.com, b@example.com]
  - {name: nightly, type: healthchecks, url: {env: PING_URL}, for: [backup, drill]}
`;

const loaded = async (yaml: string, environment: Readonly<Record<string, string>> = SECRETS): Promise<Config> =>
  load(await project({ 'kaleem-deploy.yml': yaml }), { environment });

const targetOf = async (notifier: string, environment: Readonly<Record<string, string>> = SECRETS) =>
  (await loaded(`notify: [{name: x, ${notifier}}]\n`, environment)).notify[0];

describe('notifiers', () => {
  it('are none unless told', async () => {
    expect((await loaded('')).notify).toEqual([]);
  });

  it('have what is written, with their secrets from where the file says they are', async () => {
    const { notify, warnings } = await loaded(YAML);
    expect(notify).toMatchObject([
      { name: 'hook', events: ['started', 'done'], target: { url: SECRETS.HOOK_URL, secret: 'signs-it-all' } },
      { name: 'ops', type: 'slack', target: { type: 'slack', url: SECRETS.SLACK_URL }, problem: null },
      {
        ...{ name: 'chat', events: ['halted'] },
        target: { api: 'https://api.telegram.org', token: SECRETS.TELEGRAM, chat: '-1001234567890' },
      },
      {
        target: {
          ...{ type: 'email', host: 'smtp.example.com', port: 587, tls: 'starttls', from: 'deploy@example.com' },
          ...{ login: { username: 'me@example.com', password: 'mail-hunter22' } },
          to: ['a@example.com', 'b@example.com'],
        },
      },
      { events: [], target: { type: 'healthchecks', url: SECRETS.PING_URL, jobs: ['backup', 'drill'] } },
    ]);
    expect(warnings.filter((warning) => warning.includes('notifier'))).toEqual([]);
  });

  it('are told what a person has to know, unless they choose', async () => {
    const { notify } = await loaded(YAML);
    expect(notify[1]?.events).toEqual([
      ...['failed', 'rolled-back', 'halted', 'recovered'],
      ...['backup-failed', 'backup-invalid', 'copy-failed', 'drill-failed'],
      ...['unhealthy', 'backup-overdue', 'disk-nearly-full', 'well-again'],
    ]);
  });

  it('show none of their secrets, nor a part of one', async () => {
    const config = await loaded(YAML);
    const shown = JSON.stringify(maskedConfig(config));
    const redactor = createRedactor();
    for (const secret of collectSecrets(config)) redactor.add(secret);
    for (const secret of Object.values(SECRETS)) {
      expect(shown).not.toContain(secret);
      expect(redactor.redact(`Cannot reach ${secret}!`)).toBe('Cannot reach [redacted]!');
      const tail = secret.split(/[/=]/).at(-1) ?? '';
      expect(redactor.redact(`no such hook: ${tail}`)).toBe('no such hook: [redacted]');
    }
    expect(shown).toContain('smtp.example.com');
  });

  it.each([
    ['smtp.example.com, port: 465', { port: 465, tls: 'tls' }],
    ['smtp.example.com, tls: tls', { port: 465, tls: 'tls' }],
    ['smtp.example.com, port: 2525', { port: 2525, tls: 'starttls' }],
    ['localhost', { port: 25, tls: 'none' }],
    ['"[::1]"', { host: '::1', port: 25, tls: 'none' }],
    ['localhost, tls: starttls', { port: 587, tls: 'starttls' }],
  ])('send mail to %s as %o', async (host, expected) => {
    const found = await targetOf(`type: email, host: ${host}, from: a@b.example, to: c@d.example`);
    expect(found?.target).toMatchObject({ ...expected, login: null });
  });
});

describe('a notifier whose secret is missing or unusable', () => {
  it.each([
    ['is not set', 'type: slack, url: {env: NOWHERE}', {}, 'takes its value from NOWHERE, which is not set'],
    ['has no file', 'type: slack, url: {file: nowhere}', {}, 'nowhere'],
    ['is no URL', 'type: slack, url: {env: U}', { U: 'hooks.slack.com/hunter22' }, 'is no URL: it has no scheme'],
    ['is no URL of ours', 'type: teams, url: {env: U}', { U: 'ftp://x.example/hunter22' }, "its scheme is 'ftp://'"],
    ['goes in the clear', 'type: discord, url: {env: U}', { U: 'http://x.example/hunter22' }, 'use https://'],
  ])('(it %s) has a problem, which stops nothing', async (_, notifier, environment, says) => {
    const directory = await project({ 'kaleem-deploy.yml': `notify: [{name: ops, ${notifier}}]\n` });
    const { notify, warnings } = await load(directory, { environment });
    expect(notify).toMatchObject([{ name: 'ops', target: null, problem: expect.stringContaining(says) }]);
    expect(warnings).toContain(`notifier ops is told nothing: ${notify[0]?.problem}`);
    expect(warnings.join()).not.toContain('hunter22');
  });

  it('may be on this host, without https', async () => {
    const found = await targetOf('type: slack, url: {env: U}', { U: 'http://127.0.0.1:8065/hooks/x' });
    expect(found?.target).toEqual({ type: 'slack', url: 'http://127.0.0.1:8065/hooks/x' });
  });
});

const one = (notifier: string): string => `notify: [{name: a, ${notifier}}]\n`;
const mail = 'type: email, host: smtp.example.com, from: a@b.example, to: c@d.example';

describeBad('kaleem-deploy.yml with bad notifiers', [
  { what: 'no type that is known', yaml: one('type: pager'), code: INVALID, says: ['one of webhook, slack, teams'] },
  { what: 'no type', yaml: one('url: {env: X}'), code: INVALID, says: ['one of webhook, slack, teams'] },
  {
    what: 'a URL that stands in the file',
    yaml: one('type: slack, url: "https://hooks.slack.com/hunter22"'),
    ...{ code: INVALID, says: ['no secret stands in this file'] },
  },
  {
    what: 'a secret that stands in the file',
    yaml: one('type: webhook, url: {env: X}, secret: hunter22'),
    ...{ code: INVALID, says: ['no secret stands in this file'] },
  },
  { what: 'no secret', yaml: one('type: webhook, url: {env: X}'), code: INVALID, says: ['secret'] },
  {
    what: 'an event that is none',
    yaml: one('type: slack, url: {env: X}, events: [won]'),
    code: INVALID,
    says: ['events[0]', 'rolled-back'],
  },
  { what: 'a key of another type', yaml: one('type: slack, url: {env: X}, chat: 1'), code: INVALID, says: ['chat'] },
  {
    what: 'events for a ping',
    yaml: one('type: healthchecks, url: {env: X}, for: backup, events: halted'),
    code: INVALID,
    says: ['events'],
  },
  {
    what: 'a job that is none',
    yaml: one('type: healthchecks, url: {env: X}, for: deploy'),
    code: INVALID,
    says: ['backup, verify, drill'],
  },
  {
    what: 'an address with a second header',
    yaml: one(`${mail}, to: "a@b.example\\nBcc: x@y.example"`.replace('to: c@d.example, ', '')),
    code: INVALID,
    says: ['an e-mail address'],
  },
  {
    what: 'mail in the clear',
    yaml: one(`${mail}, tls: none`),
    code: 'config-unsafe',
    says: ['would be sent in the clear'],
  },
  { what: 'half of a login', yaml: one(`${mail}, username: me`), code: INVALID, says: ['belong together'] },
  {
    what: 'the same name twice',
    yaml: 'notify: [{name: a, type: slack, url: {env: X}}, {name: a, type: teams, url: {env: X}}]\n',
    ...{ code: INVALID, says: ['a is there already'] },
  },
]);
