import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servedVersion } from '../support/asking.ts';
import { expectExit, expectServes } from '../support/expectations.ts';
import { makeStack, type Stack } from '../support/stack.ts';

describe('staging and production on one host', () => {
  let production: Stack;
  let staging: Stack;

  beforeAll(async () => {
    production = await makeStack();
    staging = await makeStack();
    // One folder, two destinations: staging's own folder is only there for its ports and its cleaning up.
    await production.write('production.env', await production.read('.env'));
    await production.write('staging.env', await staging.read('.env'));
    for (const [name, { project }] of Object.entries({ production, staging })) {
      const compose = { project, env_file: `${name}.env` };
      await production.write(`kaleem-deploy.${name}.yml`, JSON.stringify({ compose }));
    }
    for (const name of ['production', 'staging']) expectExit(await production.run('-d', name, 'v0.0.1'), 0);
  });
  afterAll(async () => {
    await staging?.cleanup();
    await production?.cleanup();
  });

  it('deploy, fail and roll back without touching each other', async () => {
    const [ids, content] = [await production.ids(), await production.fingerprint()];
    const tagOf = async (name: string) => /^KALEEM_API_IMAGE=.*:(.*)$/m.exec(await production.read(`${name}.env`))?.[1];
    expectExit(await production.run('-d', 'staging', 'v0.0.2'), 0);
    await expectServes(staging, 'v0.0.2');
    expectExit(await production.runBriefly('-d', 'staging', 'v0.0.3'), 20);
    await expectServes(staging, 'v0.0.2');
    await expectServes(production, 'v0.0.1');
    expect(await production.ids()).toEqual(ids);
    expect(await production.fingerprint()).toEqual(content);
    expect([await tagOf('production'), await tagOf('staging')]).toEqual(['v0.0.1', 'v0.0.2']);
  });

  it("do not lift each other's fence", async () => {
    expectExit(await production.run('-d', 'production', 'maintenance', 'on'), 0);
    expectExit(await production.run('-d', 'staging', 'maintenance', 'on'), 0);
    expectExit(await production.run('-d', 'staging', 'maintenance', 'off'), 0);
    expect(await servedVersion(staging.httpPort)).toBe('v0.0.2');
    expect(await servedVersion(production.httpPort)).toBe('HTTP 503');
    expectExit(await production.run('-d', 'production', 'maintenance', 'off'), 0);
    await expectServes(production, 'v0.0.1');
  });

  it('deploy at the same time', async () => {
    const both = await Promise.all([
      production.run('-d', 'production', 'v0.0.2'),
      production.run('-d', 'staging', 'v0.0.5'),
    ]);
    for (const outcome of both) expectExit(outcome, 0);
    await expectServes(production, 'v0.0.2');
    await expectServes(staging, 'v0.0.5');
  });
});
