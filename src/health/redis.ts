import type { GateSpec } from '../config/config.ts';
import { systemClock } from '../system/clock.ts';
import { abortable } from './abortable.ts';
import { duration } from './detail.ts';
import { defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { hostOf } from './http-exchange.ts';
import { reachPlanned } from './planned.ts';
import { uriSecrets } from './secrets.ts';
import { tlsIdentity } from './tls-identity.ts';

const DEFAULT_PORT = 6379;

/** `PING` answers `PONG`, with the URI's user, password and database. A server that is loading its data has not passed. */
export const redisGate = (spec: Extract<GateSpec, { type: 'redis' }>, context: GateContext): Gate => {
  const url = new URL(spec.uri);
  return defineGate({
    spec,
    secrets: uriSecrets(spec.uri),
    async attempt({ signal }) {
      const at = await reachPlanned(context, { host: hostOf(url), port: Number(url.port) || DEFAULT_PORT }, signal);
      const started = systemClock.monotonic();
      await ping(url, at, spec.timeoutMs, signal);
      return `PONG in ${duration(systemClock.monotonic() - started)}`;
    },
  });
};

const ping = async (
  url: URL,
  at: { readonly host: string; readonly port: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const { Redis } = (await import('ioredis')).default;
  const client = new Redis({
    host: at.host,
    port: at.port,
    ...(url.protocol === 'rediss:' ? { tls: tlsIdentity(hostOf(url)) } : {}),
    lazyConnect: true,
    connectTimeout: timeoutMs,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    // PING itself says whether the server is ready; INFO may be forbidden to the user.
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
  });
  // `connect` rejects with "Connection is closed."; the reason comes as an event.
  let reason: Error | undefined;
  client.on('error', (error) => {
    reason ??= error;
  });
  try {
    await abortable(
      (async () => {
        await client.connect();
        // By hand, as the client only warns about some refusals.
        for (const command of preparation(url)) await client.call(...command);
        const reply = await client.ping();
        if (reply !== 'PONG') throw new GateFailure(`PING was answered with "${reply}"`);
      })(),
      signal,
    );
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
};

/** AUTH and SELECT, as the URI asks for them: `redis://[user][:password]@host:port[/database]`. */
const preparation = (url: URL): readonly [string, ...string[]][] => {
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const database = /^\/(\d+)$/.exec(url.pathname)?.[1];
  const commands: [string, ...string[]][] = [];
  if (password !== '') commands.push(user === '' ? ['AUTH', password] : ['AUTH', user, password]);
  if (database !== undefined && database !== '0') commands.push(['SELECT', database]);
  return commands;
};
