import { afterEach, describe, expect, test } from 'vitest';
import { rabbitmqGate } from '../../../src/health/rabbitmq.ts';
import { base, context, createServers, tryGate } from './support.ts';

const servers = createServers();
afterEach(() => servers.closeAll());

const check = (uri: string, limitMs?: number) =>
  tryGate(rabbitmqGate({ ...base, type: 'rabbitmq', uri }, context()), limitMs);

// What a real broker answers is in test/integration/health.
describe.each(['amqp', 'amqps'])('rabbitmq gate over %s', (scheme) => {
  test('fails where nothing listens', async () => {
    const port = await servers.unusedPort();
    expect(await check(`${scheme}://127.0.0.1:${port}`)).toEqual({
      ok: false,
      detail: `connection refused (127.0.0.1:${port})`,
    });
  });

  test('fails where something else listens', async () => {
    const port = await servers.tcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await check(`${scheme}://127.0.0.1:${port}`)).toMatchObject({ ok: false });
  });

  test('a hang ends at the deadline and leaves no connection', async () => {
    const port = await servers.tcp((socket) => socket.resume());
    expect(await check(`${scheme}://127.0.0.1:${port}`, 200)).toEqual({
      ok: false,
      detail: 'deadline: no answer within 200 ms',
    });
    await expect.poll(() => servers.connections()).toBe(0);
  });
});

test('the ports are the usual ones unless the URI has another', async () => {
  const ports: number[] = [];
  const reach = async (_host: string, port: number) => {
    ports.push(port);
    throw new Error('no');
  };
  for (const uri of ['amqp://rabbitmq', 'amqps://rabbitmq', 'amqp://rabbitmq:1'])
    await tryGate(rabbitmqGate({ ...base, type: 'rabbitmq', uri }, context({ reach })));
  expect(ports).toEqual([5672, 5671, 1]);
});
