import { describe, expect, it } from 'vitest';
import { parse } from '../../../../src/cli/parse.ts';
import { admit, type KeyRights } from '../../../../src/remote/gate/admit.ts';
import { parseRequest } from '../../../../src/remote/gate/request.ts';
import { RIGHTS, usageOf, VERBS } from '../../../../src/remote/gate/verbs.ts';
import { splitWords } from '../../../../src/remote/gate/words.ts';

const CONFIG = '/srv/kaleem/kaleem-deploy.yml';

const everything: KeyRights = { verbs: RIGHTS, tags: null, destinations: ['.'] };

const admitted = (command: string, rights: Partial<KeyRights> = {}, config: string | null = CONFIG): string =>
  admit(parseRequest(splitWords(`kaleem-deploy ${command}`)), { ...everything, ...rights }, config).join(' ');

const refused = (command: string, rights: Partial<KeyRights>, message: string): void => {
  expect(() => admitted(command, rights)).toThrow(message);
};

describe('what a key asks for', () => {
  it.each<[string, string]>([
    ['v0.0.2', 'deploy v0.0.2'],
    ['deploy v0.0.2', 'deploy v0.0.2'],
    ["deploy 'main'", 'deploy main'],
    ['deploy status', 'deploy status'],
    ['--json v2 --lock-wait 60', 'deploy --json --lock-wait=60 v2'],
    ['v2 --request-id ci-17', 'deploy --request-id=ci-17 v2'],
    ['deploy v2 --image A=v3 --image=B=v4 --restart-all', 'deploy --image=A=v3 --image=B=v4 --restart-all v2'],
    ['-q rollback', 'rollback --quiet'],
    ['rollback v1 --with-database -y', 'rollback --with-database --yes v1'],
    ['rollback --dry-run', 'rollback --dry-run'],
    ['recover', 'recover'],
    ['attach', 'attach'],
    ['abort -v', 'abort --verbose'],
    ['status --json', 'status --json'],
    ['history -n 5', 'history --limit=5'],
    ['releases', 'releases'],
    ['images', 'images'],
    ['logs', 'logs'],
    ['logs -f --tail=10 api nginx', 'logs --follow --tail=10 api nginx'],
    ['health', 'health'],
    ['doctor', 'doctor'],
    ['backup create', 'backup create'],
    ['--json backup list', 'backup list --json'],
    ['backup show 000012-v0.0.1', 'backup show 000012-v0.0.1'],
    ['backup verify 12', 'backup verify 12'],
    ['backup verify --newest', 'backup verify --newest'],
    ['backup drill', 'backup drill'],
    ['backup push', 'backup push'],
    ['maintenance on', 'maintenance on'],
    ['maintenance off', 'maintenance off'],
    ['lock status', 'lock status'],
    ['version --json', 'version --json'],
  ])('%s', (command, argv) => {
    expect(admitted(command)).toBe(`--config=${CONFIG} ${argv}`);
    expect(admitted(command, {}, null)).toBe(argv);
  });

  it('is what the program understands by it, for every verb there is', () => {
    const operands: Readonly<Record<string, string>> = { TAG: 'v1', SERVICE: 'api', ID: '12' };
    for (const right of RIGHTS) {
      const [, name] = /\[?([A-Z]+)/.exec(usageOf(right)) ?? [];
      const command = name === undefined ? right : `${right} ${operands[name]}`;
      const argv = admitted(command).split(' ');
      const parsed = parse(argv);
      expect(parsed.type).toBe('run');
      if (parsed.type !== 'run') continue;
      const { command: verb } = parsed.scheduled;
      const words = verb.parent?.parent === null ? [verb.name()] : [verb.parent?.name(), verb.name()];
      expect(verb.optsWithGlobals()).toMatchObject({ config: CONFIG });
      expect(words.join(' ')).toBe(right.replace(' --with-database', ''));
    }
    // Each option of each verb.
    for (const [verb, { options = {}, operands: operand }] of Object.entries(VERBS) as [
      string,
      (typeof VERBS)['deploy'],
    ][]) {
      for (const [option, { value }] of Object.entries(options) as [
        string,
        { readonly value?: { fits(text: string): boolean } },
      ][]) {
        const given = ['5', 'A=v1'].find((text) => value?.fits(text));
        const words = [
          verb,
          given === undefined ? option : `${option}=${given}`,
          ...(operand?.least === 1 ? ['v1'] : []),
        ];
        expect(parse(admitted(words.join(' ')).split(' ')).type, words.join(' ')).toBe('run');
      }
    }
  });

  it('needs the right to it, but for the version', () => {
    refused('status', { verbs: [] }, 'this key may not: status');
    refused('v1.0', { verbs: ['status'] }, 'this key may not: deploy');
    refused('backup list', { verbs: ['backup create'] }, 'this key may not: backup list');
    expect(admitted('version', { verbs: [] }, null)).toBe('version');
  });

  it('has a rollback with the database as a right of its own', () => {
    refused('rollback --with-database', { verbs: ['rollback'] }, 'this key may not: rollback --with-database');
    refused('rollback', { verbs: ['rollback --with-database'] }, 'this key may not: rollback');
  });

  it.each<[string, string, boolean]>([
    ['v*', 'v1.2', true],
    ['v*', 'v', true],
    ['v*', '1v', false],
    ['v1', 'v1', true],
    ['v1', 'v11', false],
    ['*', 'anything', true],
    ['*-rc', 'v1-rc', true],
    ['*-rc', 'v1-rc2', false],
    ['v*.*.0', 'v1.2.0', true],
    ['v*.*.0', 'v1.0', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*a', 'aba', true],
    ['v.', 'v1', false],
    ['*a*a*a*a*a*a*a*b', 'a'.repeat(120), false],
  ])('of tags like %s takes %s: %s', (pattern, tag, fits) => {
    const attempt = () => admitted(`deploy ${tag}`, { tags: ['other', pattern] }, null);
    if (fits) expect(attempt()).toBe(`deploy ${tag}`);
    else expect(attempt).toThrow(`this key may not use the tag ${tag}: only other, ${pattern}`);
  });

  it('is held to its tags wherever one stands', () => {
    const tags = ['v*'];
    refused('deploy v1 --image A=v2 --image B=main', { tags }, 'the tag main');
    refused('rollback main', { tags }, 'the tag main');
    refused('main.1', { tags }, 'the tag main.1');
    // The last good release is one that was live.
    expect(admitted('rollback', { tags }, null)).toBe('rollback');
    expect(admitted('logs main', { tags }, null)).toBe('logs main');
  });

  it('goes to the destinations that the key has', () => {
    const both = { destinations: ['.', 'staging'] };
    expect(admitted('status', both, null)).toBe('status');
    expect(admitted('-d staging status', both, null)).toBe('--destination=staging status');
    refused('-d production status', both, 'may not use the destination production, but none at all, -d staging');
    refused('-d staging status', {}, 'may not use the destination staging, but none at all');
    expect(admitted('status', { destinations: ['staging'] }, null)).toBe('--destination=staging status');
    const two = { destinations: ['staging', 'production'] };
    refused('status', two, 'this key must say which destination: -d staging or -d production');
    expect(admitted('status -d production', two)).toBe(`--config=${CONFIG} --destination=production status`);
  });
});
