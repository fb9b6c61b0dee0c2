import { afterEach, expect, test } from 'vitest';
import { tcpGate } from '../../../src/health/tcp.ts';
import { base, context, createServers, tryGate } from './support.ts';

const servers = createServers();
afterEach(() => servers.closeAll());

const check = (port: number) => tryGate(tcpGate({ ...base, type: 'tcp', host: '127.0.0.1', port }, context()));

test('a connection that is kept passes, and is closed afterwards', async () => {
  const result = await check(await servers.tcp(() => {}));
  expect(result.ok).toBe(true);
  expect(result.detail).toMatch(/^connected in \d+ ms$/);
  await expect.poll(() => servers.connections()).toBe(0);
});

test('a server that speaks first passes, even if it hangs up then', async () => {
  expect(await check(await servers.tcp((socket) => socket.end('220 ready\r\n')))).toMatchObject({ ok: true });
});

test('a connection that is accepted and closed at once does not pass', async () => {
  const port = await servers.tcp((socket) => socket.end());
  expect(await check(port)).toEqual({
    ok: false,
    detail: `127.0.0.1:${port} accepted the connection and closed it at once`,
  });
  const resetting = await servers.tcp((socket) => socket.resetAndDestroy());
  expect(await check(resetting)).toMatchObject({ ok: false });
});

test('a closed port does not pass', async () => {
  const port = await servers.unusedPort();
  expect(await check(port)).toEqual({ ok: false, detail: `connection refused (127.0.0.1:${port})` });
});

test('every address of a name may refuse', async () => {
  const port = await servers.unusedPort();
  const result = await tryGate(tcpGate({ ...base, type: 'tcp', host: 'localhost', port }, context()));
  expect(result.ok).toBe(false);
  expect(result.detail).toMatch(/connection refused/);
});

test('dials the address reached', async () => {
  const port = await servers.tcp(() => {});
  const reach = async () => ({ host: '127.0.0.1', port, via: 'container-address', service: null }) as const;
  const gate = tcpGate({ ...base, type: 'tcp', host: 'mongo', port: 27017 }, context({ reach }));
  expect(await tryGate(gate)).toMatchObject({ ok: true });
});

test('Ctrl-C ends it', async () => {
  const port = await servers.tcp(() => {});
  const reason = new Error('interrupted');
  const controller = new AbortController();
  const checking = tcpGate({ ...base, type: 'tcp', host: '127.0.0.1', port }, context()).check(controller.signal);
  setTimeout(() => controller.abort(reason), 30);
  await expect(checking).rejects.toBe(reason);
});
