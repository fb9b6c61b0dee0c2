import { afterEach, describe, expect, test } from 'vitest';
import type { Reached } from '../../../src/compose/address.ts';
import type { ContainerState } from '../../../src/compose/engine.ts';
import { httpGate } from '../../../src/health/http.ts';
import { base, containerState, context, createServers, NEW, OLD, tryGate } from './support.ts';

const servers = createServers();
afterEach(() => servers.closeAll());

const network = (ipv4: string) => ({
  id: 'n',
  name: 'kaleem_default',
  driver: 'bridge',
  ipv4,
  ipv6: null,
  aliases: [],
});

/** An http gate that reaches `containers` through a real server which always answers 200. */
const checkAgainst = async (
  containers: readonly ContainerState[],
  planned: string | null = NEW,
  via: Reached['via'] = 'container-address',
) => {
  let asked = 0;
  const port = await servers.http((_request, response) => {
    asked += 1;
    response.end('ok');
  });
  const gate = httpGate(
    { ...base, type: 'http', url: 'http://localhost:3000/', requestHeaders: {}, expect: {} },
    context({
      reach: async () => ({ host: '127.0.0.1', port, via, service: 'api' }),
      container: async () => containers,
      plannedImageId: () => planned,
    }),
  );
  return { result: await tryGate(gate), asked };
};

describe('a gate that reaches a service of the project', () => {
  test('passes when the planned image answers', async () => {
    const { result } = await checkAgainst([containerState({ networks: [network('127.0.0.1')] })]);
    expect(result).toMatchObject({ ok: true });
  });

  test('does not even ask an old container that still answers', async () => {
    const old = containerState({ imageId: OLD, image: 'kaleem/api:v0.0.1', networks: [network('127.0.0.1')] });
    const { result, asked } = await checkAgainst([old]);
    expect(result).toEqual({
      ok: false,
      detail: 'api: container kaleem-api-1 runs image aaaaaaaaaaaa (kaleem/api:v0.0.1), not the planned bbbbbbbbbbbb',
    });
    expect(asked).toBe(0);
  });

  test('minds only the container behind the address', async () => {
    const other = containerState({ id: 'c2', imageId: OLD, networks: [network('172.18.0.9')] });
    const { result } = await checkAgainst([other, containerState({ networks: [network('127.0.0.1')] })]);
    expect(result).toMatchObject({ ok: true });
  });

  test('minds them all behind a published port', async () => {
    const containers = [containerState(), containerState({ id: 'c2', name: 'kaleem-api-2', imageId: OLD })];
    const { result } = await checkAgainst(containers, NEW, 'published-port');
    expect(result.ok).toBe(false);
    expect(result.detail).toContain('kaleem-api-2');
  });

  test('ignores one-offs and stopped containers, and fails when nothing is left', async () => {
    const { result } = await checkAgainst([containerState({ oneOff: true }), containerState({ state: 'exited' })]);
    expect(result).toEqual({ ok: false, detail: 'no container of api is running' });
  });

  test('takes any image where none is planned', async () => {
    const { result } = await checkAgainst([containerState({ imageId: OLD })], null);
    expect(result).toMatchObject({ ok: true });
  });
});
