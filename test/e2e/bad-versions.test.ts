import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { readJournals } from '../support/journals.ts';
import { makeStack, type Stack } from '../support/stack.ts';

/** What the last operation did to the database: its dump, and a restore where there was one. */
const databaseSteps = async (stack: Stack): Promise<readonly string[]> => {
  const lines = (await readJournals(stack.directory, 1)).flatMap((journal) => journal.lines);
  return lines.flatMap(({ type, step }) => (type === 'intent' && /^(?:backup|restore)\./.test(step) ? [step] : []));
};

describe('a version that is broken', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack();
    expectExit(await stack.run('v0.0.1'), 0);
  });
  afterAll(() => stack?.cleanup());

  const cases = [
    { tag: 'v0.0.4-crash-loop', says: /api exited with code 1/, lines: /crashed on purpose/ },
    { tag: 'v0.0.4-exit', says: /api exited with code 1/, lines: /last lines of api/ },
    { tag: 'v0.0.4-hang', says: /api is (not healthy|unhealthy)/, lines: /last lines of api/ },
    {
      tag: 'v0.0.4-error-body',
      says: /gate .*api\/health.*"?status"?.*error/,
      lines: /kaleem-api v0\.0\.4-error-body serves/,
    },
    {
      tag: 'v0.0.4-broken-readonly',
      says: /api is (not healthy|unhealthy)/,
      // What the container's own health check was told, and the container's last lines.
      lines: /health check of api: exit code 1\n.*500 [\s\S]*kaleem-api v0\.0\.4-broken-readonly serves/,
    },
  ];

  it.each(cases)('$tag is undone without a restore, for it wrote nothing', async ({ tag, says, lines }) => {
    const before = await stack.fingerprint();
    const idsBefore = await stack.ids();
    const outcome = await stack.runBriefly(tag);
    expectExit(outcome, 20);
    expect(outcome.stderr).toMatch(says);
    expect(outcome.stderr).toMatch(lines);
    expect(outcome.stderr).toContain('v0.0.1 is live again (database unchanged, so not restored)');
    await expectServes(stack, 'v0.0.1');
    await expectEnvTag(stack, 'v0.0.1');
    expect(await stack.fingerprint()).toEqual(before);
    expect(await lastOperation(stack)).toMatchObject({
      kind: 'deploy',
      subject: tag,
      outcome: 'rolled-back',
      exitCode: 20,
    });
    const { mongo, redis } = await stack.ids();
    expect({ mongo, redis }).toEqual({ mongo: idsBefore.mongo, redis: idsBefore.redis });
    expect((await readdir(join(stack.directory, 'backups'))).filter((name) => name.includes('aside'))).toEqual([]);
    expect(await databaseSteps(stack)).toEqual(['backup.create']);
  });

  it('v0.0.3, which writes rubbish, is undone to the last byte, and what it wrote is kept aside', async () => {
    const before = await stack.fingerprint();
    const outcome = await stack.runBriefly('v0.0.3');
    expectExit(outcome, 20);
    expect(outcome.stderr).toContain('v0.0.1 is live again (database restored)');
    const steps = ['backup.create', 'backup.create', 'restore.stage', 'restore.swap', 'restore.finish'];
    expect(await databaseSteps(stack)).toEqual(steps);
    await expectServes(stack, 'v0.0.1');
    await expectEnvTag(stack, 'v0.0.1');
    expect(await stack.fingerprint()).toEqual(before);
    const list = (await stack.run('backup', 'list', '--json')).json as readonly { id: string; tag: string }[];
    const aside = list.find((each) => each.tag === 'aside-v0.0.3');
    const shown = (await stack.run('backup', 'show', aside?.id ?? '', '--json')).json as {
      readonly namespaces: readonly { readonly collection: string; readonly documents: number }[];
    };
    const counts = Object.fromEntries(shown.namespaces.map(({ collection, documents }) => [collection, documents]));
    expect(counts).toMatchObject({ leftovers: 1, orders: 50, products: 2 });
    expect(counts.customers).toBeUndefined();
  });
});

describe('a broken version that is the first one', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack();
  });
  afterAll(() => stack?.cleanup());

  it('leaves nothing running and an empty database, and the next version deploys', async () => {
    const outcome = await stack.runBriefly('v0.0.3');
    expectExit(outcome, 20);
    expect(outcome.stderr).toContain('everything this deploy started is removed again (database restored)');
    expect(await stack.containers()).toEqual([]);
    expect(await stack.fenceRules()).toEqual([]);
    expect(await lastOperation(stack)).toMatchObject({ outcome: 'rolled-back', exitCode: 20 });
    expect((await stack.run('releases', '--json')).json).toEqual([]);
    expectExit(await stack.run('v0.0.2'), 0);
    await expectServes(stack, 'v0.0.2');
    expect(await stack.fenceRules()).toEqual([]);
  });
});
