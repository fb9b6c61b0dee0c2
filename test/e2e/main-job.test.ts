import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectEnvTag, expectExit, expectServes, lastOperation } from '../support/expectations.ts';
import { type OrderClient, startOrderClient, verifyOrders } from '../support/order-client.ts';
import { makeStack, type Stack } from '../support/stack.ts';

interface Shown {
  readonly id: string;
  readonly tag: string | null;
  readonly contentHash: string | null;
  readonly namespaces: readonly { readonly collection: string; readonly documents: number }[];
}

/** Numbers of different clients never meet. */
const RANGE = 1_000_000;

describe('the main job: seven services, no configuration file, orders all the time', () => {
  let stack: Stack;
  let clients: readonly OrderClient[] = [];

  const order = (port: number, keepAlive: boolean, index: number): OrderClient =>
    startOrderClient({
      ...{ url: `http://127.0.0.1:${port}/api/orders`, keepAlive, ratePerSecond: 15 },
      ...{ firstNumber: RANGE * (index + 1), timeoutMs: 5_000 },
    });

  const acknowledged = (): number => clients.reduce((sum, client) => sum + client.peek().acknowledged.length, 0);

  const untilMore = async (atLeast: number): Promise<void> => {
    await expect.poll(acknowledged, { timeout: 20_000, interval: 100 }).toBeGreaterThan(atLeast);
  };

  const backupsWithTag = async (tag: string): Promise<readonly Shown[]> => {
    const list = (await stack.run('backup', 'list', '--json')).json as readonly Shown[];
    const chosen = list.filter((each) => each.tag === tag);
    return Promise.all(chosen.map(async ({ id }) => (await stack.run('backup', 'show', id, '--json')).json as Shown));
  };

  beforeAll(async () => {
    stack = await makeStack({ size: 'full' });
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await stack?.cleanup();
  });

  it('first deploys to an empty host', async () => {
    const outcome = await stack.run('v0.0.1');
    expectExit(outcome, 0);
    await expectServes(stack, 'v0.0.1', 'full');
    await expectEnvTag(stack, 'v0.0.1');
    expect(await lastOperation(stack)).toMatchObject({ kind: 'deploy', outcome: 'succeeded', exitCode: 0 });
  });

  it('deploys a good version under load, and a bad one is undone; no acknowledged order is lost or doubled', async () => {
    clients = [order(stack.httpPort, false, 0), order(stack.httpPort, true, 1), order(stack.apiPort, true, 2)];
    await untilMore(30);

    const good = await stack.run('v0.0.2');
    expectExit(good, 0);
    await expectServes(stack, 'v0.0.2', 'full');
    await expectEnvTag(stack, 'v0.0.2');
    await untilMore(acknowledged() + 30);
    const stable = await stack.fingerprint();

    const bad = await stack.runBriefly('v0.0.3');
    expectExit(bad, 20);
    expect(bad.stderr).toContain('v0.0.2 is live again (database restored)');
    await expectServes(stack, 'v0.0.2', 'full');
    await expectEnvTag(stack, 'v0.0.2');
    expect(await lastOperation(stack)).toMatchObject({ subject: 'v0.0.3', outcome: 'rolled-back', exitCode: 20 });
    await untilMore(acknowledged() + 30);

    const reports = await Promise.all(clients.map((client) => client.stop()));
    for (const report of reports) {
      expect([...report.servedBy.keys()]).toEqual(expect.arrayContaining(['v0.0.1', 'v0.0.2']));
      expect(report.servedBy.has('v0.0.3')).toBe(false);
      const verdict = await verifyOrders({
        baseUrl: `http://127.0.0.1:${stack.apiPort}`,
        acknowledged: report.acknowledged,
      });
      expect(verdict).toEqual({ missing: [], duplicated: [] });
    }
    const { orders: _, ...rest } = await stack.fingerprint();
    const { orders: __, ...restBefore } = stable;
    expect(rest).toEqual(restBefore);
  });

  it('brings the database back to the hash that was taken behind the fence, and keeps what v0.0.3 wrote', async () => {
    const before = await stack.contentHash();
    const idsBefore = await stack.ids();
    expectExit(await stack.runBriefly('v0.0.3'), 20);
    expect(await stack.contentHash()).toBe(before);
    const [dump] = await backupsWithTag('v0.0.2');
    expect(dump?.contentHash).toBe(before);
    const [aside] = await backupsWithTag('aside-v0.0.3');
    expect(aside?.contentHash).not.toBe(before);
    const counts = Object.fromEntries((aside?.namespaces ?? []).map((each) => [each.collection, each.documents]));
    expect(counts).toMatchObject({ leftovers: 1, products: 2 });
    await expectServes(stack, 'v0.0.2', 'full');
    const idsAfter = await stack.ids();
    for (const service of ['mongo', 'redis', 'qdrant', 'rabbitmq']) {
      expect([service, idsAfter[service]]).toEqual([service, idsBefore[service]]);
    }
  });
});
