import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExit, expectServes } from '../support/expectations.ts';
import { freePort } from '../support/free-port.ts';
import { makeStack, repository, type Stack } from '../support/stack.ts';
import { archives } from './bad-inputs/archives.ts';
import { type Attempts, openAttempts } from './bad-inputs/attempt.ts';
import type { BadInput, Place } from './bad-inputs/bad-input.ts';
import { commandLine } from './bad-inputs/command-line.ts';
import { composeFiles } from './bad-inputs/compose-files.ts';
import { configuration } from './bad-inputs/configuration.ts';
import { releases } from './bad-inputs/releases.ts';
import { uris } from './bad-inputs/uris.ts';
import { variables } from './bad-inputs/variables.ts';

const tables: Readonly<Record<string, readonly BadInput[]>> = {
  'on the command line': commandLine,
  'in kaleem-deploy.yml': configuration,
  'in compose files': composeFiles,
  'in variables': variables,
  'in URIs': uris,
  'about releases': releases,
  'about archives': archives,
};

/** What a person who typed something wrong should never have to read. */
const GIBBERISH =
  /\bundefined\b(?! (?:service|volume|network) )|\[object |NaN|^\s+at .*:\d+:\d+|\bE[A-Z]{4,}:|node:internal|hunter/m;

const expectSays = (message: string, { says }: BadInput, place: Place): void => {
  for (const part of says) {
    if (part instanceof RegExp) expect(message).toMatch(part);
    else expect(message).toContain(typeof part === 'string' ? part : part(place));
  }
};

describe('bad input', () => {
  let stack: Stack;
  let attempts: Attempts;

  beforeAll(async () => {
    stack = await makeStack({ variables: { MAIL_FROM: 'kaleem@example.com' } });
    const text = await stack.read('compose.yml');
    const setting = '      MONGODB_URI:';
    await stack.write('compose.yml', text.replace(setting, `      MAIL_FROM: $MAIL_FROM\n${setting}`));
    expectExit(await stack.run('v0.0.1'), 0);
    expectExit(await stack.run('v0.0.2'), 0);
    const [newest] = (await stack.run('backup', 'list', '--json')).json as readonly { readonly id: string }[];
    attempts = await openAttempts(stack, process.env.KALEEM_TEST_CLI ?? '', {
      ...{ backup: newest?.id ?? '', registry: repository(), deadPort: await freePort() },
    });
  });
  afterAll(async () => {
    await attempts?.cleanup();
    await stack?.cleanup();
  });

  it('is tried in at least 60 kinds', () => {
    expect(Object.values(tables).flat().length).toBeGreaterThanOrEqual(60);
  });

  describe.concurrent.each(Object.entries(tables))('%s', (_, table) => {
    it.each(table)('$what: exit $code, one message, nothing changed', async (bad) => {
      const { text, json, place, before, after } = await attempts.attempt(bad);
      expectExit(text, bad.code);
      expect(after).toEqual(before);

      expect(text.stdout).toBe('');
      const lines = text.stderr.split('\n');
      const [message = '', ...others] = lines.filter((line) => line.startsWith('error: '));
      expect(others).toEqual([]);
      expectSays(message, bad, place);
      expect(lines.filter((line) => /^hint: \S/.test(line))).toHaveLength(1);
      expect(text.stderr).not.toMatch(GIBBERISH);

      if (json === null) return;
      expectExit(json, bad.code);
      expect(json.json).toMatchObject({
        error: { code: expect.stringMatching(/^[a-z-]+$/), hint: expect.stringMatching(/\S/) },
        exitCode: bad.code,
      });
      expect(Object.keys(json.json as object).sort()).toEqual(['error', 'exitCode']);
      const { error } = json.json as { readonly error: { readonly message: string } };
      expectSays(error.message, bad, place);
    });
  });

  it('has left the application as it was', () => expectServes(stack, 'v0.0.2'));
});
