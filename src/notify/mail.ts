import { connect, type Socket } from 'node:net';
import type { NotifierTarget } from '../config/notifier.ts';
import { abortable } from '../health/abortable.ts';
import { describeError } from '../health/detail.ts';
import { Undelivered } from './undelivered.ts';
import type { Words } from './words.ts';

type EmailTarget = Extract<NotifierTarget, { type: 'email' }>;

/** Nobody waits longer than the signal says; this ends what a server leaves hanging after that. */
const TIMEOUT_MS = 10_000;

/** A socket of ours, so that it can be ended with the signal, whatever state the talk is in. */
const dial = ({ host, port }: EmailTarget, signal: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    // It stays: an error that nobody listens for at that instant would end the process, and the operation with it.
    socket.on('error', reject);
    socket.once('connect', () => resolve(socket));
  });

/** https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1: 4yz may work later, 5yz won't. What has no code is the network. */
const undelivered = (error: unknown): Undelivered => {
  const { code, responseCode } = error as { readonly code?: string; readonly responseCode?: number };
  const isFinal = responseCode === undefined ? code === 'ETLS' || code === 'EAUTH' : responseCode >= 500;
  return new Undelivered(describeError(error), { heals: !isFinal });
};

/**
 * Sends a mail of plain text, once: no program that shows it looks for markup in it.
 *
 * @throws Undelivered; the signal's reason when it is aborted
 */
export const sendMail = async (target: EmailTarget, { title, lines }: Words, signal: AbortSignal): Promise<void> => {
  const { host, port, tls, login, from, to } = target;
  const { createTransport } = await import('nodemailer');
  signal.throwIfAborted();
  const transport = createTransport({
    ...{ host, port, secure: tls === 'tls', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none' },
    ...(login === null ? {} : { auth: { user: login.username, pass: login.password } }),
    ...{ connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS },
    ...{ disableFileAccess: true, disableUrlAccess: true },
    getSocket: (_options: unknown, done: (error: Error | null, found?: { readonly connection: Socket }) => void) => {
      dial(target, signal).then(
        (connection) => done(null, { connection }),
        (error: Error) => done(error),
      );
    },
  });
  // What it emits it also rejects with.
  transport.on('error', () => {});
  const mail = {
    ...{ from, to: [...to], subject: title, text: `${[title, '', ...lines].join('\n')}\n` },
    // Nobody's absence is to be told to us: https://www.rfc-editor.org/rfc/rfc3834#section-5
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
  try {
    const { rejected } = await abortable(transport.sendMail(mail), signal);
    if (rejected.length > 0) throw new Undelivered(`it refused ${rejected.join(', ')}`, { heals: false });
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Undelivered ? error : undelivered(error);
  } finally {
    transport.close();
  }
};
