// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of YAML and env files are meant.
import { describe, expect, it } from 'vitest';
import { describeBad, INVALID } from './bad-inputs.ts';
import { COMPOSE, failure, load, project } from './project.ts';

describeBad('kaleem-deploy.yml with bad keys, values and syntax', [
  {
    what: 'an unknown key in a gate',
    yaml: 'gates:\n  after:\n    - http: http://x/\n      helath: 1\n      attempts: 3\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:4: unknown key 'helath' in gates.after[0]", 'known keys: http, name, attempts'],
  },
  {
    what: 'a mistyped key of the top',
    yaml: 'app: kaleem\nhoks: {}\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:2: unknown key 'hoks'; did you mean 'hooks'?"],
  },
  {
    what: 'a key with the wrong case and hyphens',
    yaml: 'State-Directory: x\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:1: unknown key 'State-Directory'; did you mean 'state_directory'?"],
  },
  {
    what: 'a mistyped hook',
    yaml: 'hooks:\n  predeploy: [x]\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:2: unknown key 'predeploy' in hooks; did you mean 'pre-deploy'?"],
  },
  {
    what: 'a key that is like none',
    yaml: 'backup:\n  zzz: 1\n',
    code: INVALID,
    says: [
      "kaleem-deploy.yml:2: unknown key 'zzz' in backup; known keys: directory, keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly, keep_within, compression",
    ],
  },
  {
    what: '__proto__ as a key',
    yaml: '__proto__: {app: x}\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:1: unknown key '__proto__'"],
  },
  { what: 'text that is not YAML', yaml: 'app: kaleem\nimages: [A, B\n', code: INVALID, says: ['kaleem-deploy.yml:'] },
  { what: 'a tab as indentation', yaml: 'gates:\n\tbefore: []\n', code: INVALID, says: ['kaleem-deploy.yml:2: '] },
  {
    what: 'the same key twice',
    yaml: 'app: a\nimages: [A]\napp: b\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:3: the key 'app' stands there twice"],
    hint: 'keep one',
  },
  { what: 'two documents', yaml: 'app: a\n---\napp: b\n', code: INVALID, says: ['kaleem-deploy.yml:2: '] },
  { what: 'a tag of YAML', yaml: 'app: !secret x\n', code: INVALID, says: ['kaleem-deploy.yml:1: ', '!secret'] },
  { what: 'an alias to nothing', yaml: 'app: *nothing\n', code: INVALID, says: ['kaleem-deploy.yml:1: ', 'nothing'] },
  {
    what: 'aliases that grow',
    yaml: `app: kaleem\nrequired:\n${['- &a [x, x, x, x, x, x, x, x, x]', ...'bcdef'.split('').map((name, i) => `- &${name} [${Array(9).fill(`*${'abcde'[i]}`).join(', ')}]`)].join('\n')}\n`,
    code: INVALID,
    says: ['kaleem-deploy.yml:', 'alias'],
  },
  {
    what: 'a list instead of a map',
    yaml: '- app\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:1: must be a map of keys'],
  },
  { what: 'bare text', yaml: 'kaleem\n', code: INVALID, says: ['kaleem-deploy.yml:1: must be a map of keys'] },
  {
    what: 'a map where text belongs',
    yaml: 'app: {name: kaleem}\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:1: app must be a name, not a map'],
  },
  {
    what: 'a number that is not whole',
    yaml: 'backup:\n  keep_last: 2.5\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:2: backup.keep_last must be a whole number from 1 to 10000, not 2.5'],
  },
  ...['30', '2w', '1m1y', '0d', 'd'].map((typed) => ({
    what: `a span that is none: ${typed}`,
    yaml: `backup: {keep_within: ${typed}}\n`,
    code: INVALID as typeof INVALID,
    says: [`backup.keep_within must be a span of years, months, days and hours, such as 30d, 12h or 1y6m, not `],
  })),
  {
    what: 'a number in quotes',
    yaml: "backup: {keep_last: '7'}\n",
    code: INVALID,
    says: ["backup.keep_last must be a whole number from 1 to 10000, not '7'"],
  },
  { what: 'a number out of range', yaml: 'backup: {compression: 0}\n', code: INVALID, says: ['from 1 to 9, not 0'] },
  {
    what: 'an unknown unit of time',
    yaml: 'stability: 3 parsecs\n',
    code: INVALID,
    says: [
      "kaleem-deploy.yml:1: stability must be a duration from 0s to 1h, such as 20s, 500ms or 2m, not '3 parsecs'",
    ],
  },
  { what: 'a negative time', yaml: 'stability: -1\n', code: INVALID, says: ['stability must be a duration', 'not -1'] },
  { what: 'a time that is too long', yaml: 'gates: {defaults: {interval: 2h}}\n', code: INVALID, says: ["not '2h'"] },
  {
    what: 'yes for true',
    yaml: 'gates:\n  from_env: yes\n',
    code: INVALID,
    says: ["kaleem-deploy.yml:2: gates.from_env must be true or false, not 'yes'"],
  },
  {
    what: 'a key without a value',
    yaml: 'app: kaleem\nimages:\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:2: images', 'not nothing'],
  },
  {
    what: 'no images',
    yaml: 'images: []\n',
    code: INVALID,
    says: ['images must be a list of variables, not an empty list'],
  },
  {
    what: 'an image instead of its variable',
    yaml: 'images:\n  - ghcr.io/o/r/api\n',
    code: INVALID,
    says: [
      "kaleem-deploy.yml:2: images[0] must be the name of a variable, such as KALEEM_API_IMAGE, not 'ghcr.io/o/r/api'",
    ],
  },
  {
    what: 'a service name with a space',
    yaml: 'writers: [api, "my worker"]\n',
    code: INVALID,
    says: ["writers[1] must be the name of a service, not 'my worker'"],
  },
  {
    what: 'a project name that Compose refuses',
    yaml: 'compose:\n  project: Kaleem App\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:2: compose.project must be a Compose project name', "'Kaleem App'"],
  },
  {
    what: 'an unknown mode of the fence',
    yaml: 'fence: {mode: iptables}\n',
    code: INVALID,
    says: ["fence.mode must be one of auto, firewall, stop, not 'iptables'"],
  },
  {
    what: 'a hook as a line of text',
    yaml: 'hooks:\n  post-deploy: ./notify.sh done\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:2: hooks.post-deploy', 'no shell splits a line of text', "'./notify.sh done'"],
  },
  {
    what: 'a hook that runs nothing',
    yaml: 'hooks: {failed: []}\n',
    code: INVALID,
    says: ['hooks.failed', 'an empty list'],
  },
  {
    what: 'a hook without its command',
    yaml: 'hooks:\n  migrate: {service: api}\n',
    code: INVALID,
    says: ['kaleem-deploy.yml:2: hooks.migrate.run is missing'],
  },
]);

describe('several problems', () => {
  it('makes the first in the file the message and the others details', async () => {
    const yaml = 'stability: no\nimages: [A]\nbackup:\n  keep_last: no\n  keeplast: 3\n';
    const error = await failure(load(await project({ 'kaleem-deploy.yml': yaml, 'compose.yml': COMPOSE })));
    expect(error.message).toMatch(/^kaleem-deploy\.yml:1: stability /);
    expect(error.details).toEqual([
      "kaleem-deploy.yml:4: backup.keep_last must be a whole number from 1 to 10000, not 'no'",
      "kaleem-deploy.yml:5: unknown key 'keeplast' in backup; did you mean 'keep_last'?",
    ]);
  });
});
