import { connect as dial } from 'node:net';
import type { GateSpec } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import { systemClock } from '../system/clock.ts';
import { abortable } from './abortable.ts';
import { duration } from './detail.ts';
import { defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { hostOf } from './http-exchange.ts';
import { reachPlanned } from './planned.ts';
import { uriSecrets } from './secrets.ts';
import { tlsIdentity } from './tls-identity.ts';

/** A connection with the URI's user, password and virtual host, and a channel on it, can be opened. */
export const rabbitmqGate = (spec: Extract<GateSpec, { type: 'rabbitmq' }>, context: GateContext): Gate => {
  const url = new URL(spec.uri);
  const port = Number(url.port) || (url.protocol === 'amqps:' ? 5671 : 5672);
  return defineGate({
    spec,
    secrets: uriSecrets(spec.uri),
    async attempt({ signal }) {
      const at = await reachPlanned(context, { host: hostOf(url), port }, signal);
      const started = systemClock.monotonic();
      await openChannel(url, at, spec.timeoutMs, signal);
      return `channel opened in ${duration(systemClock.monotonic() - started)}`;
    },
  });
};

const openChannel = async (
  url: URL,
  at: { readonly host: string; readonly port: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const { connect } = (await import('amqplib')).default;
  const secure = url.protocol === 'amqps:';
  // amqplib has no way to give up while it connects, but hands these options to net.connect and tls.connect: the
  // signal then closes the socket.
  const socketOptions = {
    timeout: timeoutMs,
    ...(secure ? { ...tlsIdentity(hostOf(url)), socket: dial({ ...at, signal }) } : { signal }),
  };
  const open = connect(
    { ...credentials(url), protocol: secure ? 'amqps' : 'amqp', hostname: at.host, port: at.port },
    socketOptions,
  );
  const connection = await abortable(open, signal).catch((error: unknown) => {
    throw inWords(error, virtualHost(url));
  });
  connection.on('error', () => {});
  try {
    const channel = await abortable(connection.createChannel(), signal);
    await abortable(channel.close(), signal);
  } finally {
    if (!signal.aborted) await abortable(connection.close(), signal).catch(() => {});
  }
};

/** `guest:guest` and `/` are the protocol's customary defaults, amqplib's too; the path is the virtual host. */
const credentials = (url: URL): { username?: string; password?: string; vhost: string } => ({
  vhost: virtualHost(url),
  ...(url.username === '' && url.password === ''
    ? {}
    : { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
});

const virtualHost = ({ pathname }: URL): string => (pathname.length > 1 ? pathname.slice(1) : '/');

/** amqplib drops the broker's own words when it refuses the virtual host (code 530, or 403 without the permission). */
const inWords = (error: unknown, vhost: string): unknown =>
  /^Expected ConnectionOpenOk/.test(messageOf(error))
    ? new GateFailure(`RabbitMQ refused the virtual host "${vhost}": it does not exist, or the user may not use it`)
    : error;
