import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExit, expectServes } from '../support/expectations.ts';
import { startOrderClient, verifyOrders } from '../support/order-client.ts';
import { makeStack, type Stack } from '../support/stack.ts';

/** v0.0.3's own migration writes so many. */
const JUNK_ORDERS = 50;

interface Listed {
  readonly id: string;
  readonly tag: string | null;
}
interface Shown {
  readonly namespaces: readonly { readonly collection: string; readonly documents: number }[];
}

/** One order a second is handed to the api, whatever comes in; the others wait in nginx, for up to a minute here. */
const holdOrders = (configuration: string): string =>
  configuration
    .replace(
      '  server {',
      '  map $request_method $held { POST orders; default ""; }\n' +
        '  limit_req_zone $held zone=held:1m rate=60r/m;\n\n  server {',
    )
    .replace('location /api/ {', 'location /api/ {\n      limit_req zone=held burst=100;');

describe('requests that the edge took in before the fence closed, and still holds', () => {
  let stack: Stack;

  const ordersIn = async (tag: string): Promise<number> => {
    const list = (await stack.run('backup', 'list', '--json')).json as readonly Listed[];
    const { id } = list.find((each) => each.tag === tag) ?? {};
    if (id === undefined) throw new Error(`there is no backup of ${tag}`);
    const { namespaces } = (await stack.run('backup', 'show', id, '--json')).json as Shown;
    return namespaces.find(({ collection }) => collection === 'orders')?.documents ?? 0;
  };

  beforeAll(async () => {
    stack = await makeStack();
    await stack.write('nginx/nginx.conf', holdOrders(await stack.read('nginx/nginx.conf')));
    expectExit(await stack.run('v0.0.2'), 0);
  });
  afterAll(() => stack?.cleanup());

  it('never reach the new version: what would be undone with it must not be acknowledged', async () => {
    const client = startOrderClient({
      ...{ url: `http://127.0.0.1:${stack.httpPort}/api/orders`, ratePerSecond: 100, keepAlive: false },
      ...{ firstNumber: 1, timeoutMs: 120_000 },
    });
    await expect.poll(() => client.peek().acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(2);
    // No more are sent; some 60 wait in nginx.
    const ended = client.stop();
    const ids = await stack.ids();
    expectExit(await stack.runBriefly('v0.0.3'), 20);
    const report = await ended;

    expect(report.errors).toBeGreaterThan(20);
    expect([...report.servedBy.keys()].filter((version) => version !== 'unknown')).toEqual(['v0.0.2']);
    expect((await ordersIn('aside-v0.0.3')) - (await ordersIn('v0.0.2'))).toBe(JUNK_ORDERS);
    await expectServes(stack, 'v0.0.2');
    const verdict = await verifyOrders({
      ...{ baseUrl: `http://127.0.0.1:${stack.apiPort}`, acknowledged: report.acknowledged },
    });
    expect(verdict).toEqual({ missing: [], duplicated: [] });
    expect((await stack.ids()).nginx).toBe(ids.nginx);
  });
});
