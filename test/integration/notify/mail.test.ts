import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import type { SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import type { NotifierTarget } from '../../../src/config/notifier.ts';
import { deliver } from '../../../src/notify/deliver.ts';
import { presentable } from '../../../src/notify/news.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { freePort } from '../../support/free-port.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { newsOf } from '../../unit/notify/news.ts';

type Email = Extract<NotifierTarget, { type: 'email' }>;
const PASSWORD = 'hunter2222';

describe('a mail', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  const redactor = createRedactor();
  redactor.add(PASSWORD);

  const serve = async (options: SMTPServerOptions = {}): Promise<MailServer> => {
    const server = await startMailServer(options);
    stops.push(server.stop);
    return server;
  };

  /** A server of another kind: what it does with a connection. */
  const listen = async (handle: (socket: Socket) => void): Promise<number> => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      handle(socket);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    stops.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    });
    return (server.address() as AddressInfo).port;
  };

  const send = async (port: number, overrides: Partial<Email> = {}, news = newsOf()) => {
    const target: Email = {
      ...{ type: 'email', host: '127.0.0.1', port, tls: 'none', login: null },
      ...{ from: 'deploy@example.com', to: ['ops@example.com', 'me@example.com'] },
      ...overrides,
    };
    const began = performance.now();
    const limits = { messageMs: 2_000, tryMs: 800 };
    const world = { clock: systemClock, redactor, limits };
    const problem = await deliver(target, presentable(news, redactor), new AbortController().signal, world).then(
      () => null,
      (error: Error) => error.message,
    );
    return { problem, ms: performance.now() - began };
  };

  it('arrives, as plain text whatever an error says, and with no secret', async () => {
    const server = await serve();
    const message = `<script>alert(1)</script> ${PASSWORD}\r\nBcc: x@example.com`;
    const news = newsOf({
      subject: 'v1\r\nBcc: evil@example.com',
      error: { code: 'rolled-back', message, hint: null },
    });
    expect(await send(server.port, {}, news)).toMatchObject({ problem: null });
    const [mail = ''] = server.mails;
    const [head = '', body = ''] = mail.split('\r\n\r\n');
    expect(head).toMatch(/^From: deploy@example.com\r$/m);
    expect(head).toMatch(/^To: ops@example.com, me@example.com\r$/m);
    expect(head).toMatch(/^Subject: kaleem \(staging\): deploy of v1 Bcc/m);
    expect(head).toMatch(/^Content-Type: text\/plain/m);
    expect(head).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(head).not.toMatch(/^Bcc:/m);
    expect(body).not.toMatch(/^Bcc:/m);
    expect(mail).not.toContain(PASSWORD);
  });

  it('logs in where it is told to', async () => {
    const seen: unknown[] = [];
    const server = await serve({
      ...{ authOptional: false, allowInsecureAuth: true, disabledCommands: ['STARTTLS'] },
      onAuth({ username, password }, _session, done) {
        seen.push([username, password]);
        done(null, { user: username });
      },
    });
    expect((await send(server.port, { login: { username: 'me', password: PASSWORD } })).problem).toBe(null);
    expect(seen).toEqual([['me', PASSWORD]]);
    expect(server.mails).toHaveLength(1);
  });

  it('does not try a password twice, nor show it', async () => {
    let tries = 0;
    const server = await serve({
      ...{ authOptional: false, allowInsecureAuth: true, disabledCommands: ['STARTTLS'] },
      onAuth({ password }, _session, done) {
        tries += 1;
        done(Object.assign(new Error(`bad password ${password}`), { responseCode: 535 }));
      },
    });
    const { problem } = await send(server.port, { login: { username: 'me', password: PASSWORD } });
    expect(redactor.redact(problem ?? '')).toMatch(/535 bad password \[redacted\]/);
    expect(tries).toBe(1);
  });

  it.each(['starttls', 'tls'] as const)('with %s does not go to a server with an unknown certificate', async (tls) => {
    const server = await serve({ secure: tls === 'tls' });
    const { problem } = await send(server.port, { tls, login: { username: 'me', password: PASSWORD } });
    expect(problem).toMatch(/certificate/i);
    expect(server.mails).toEqual([]);
  });

  it('with starttls does not go to a server that offers none', async () => {
    const server = await serve({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'] });
    const { problem } = await send(server.port, { tls: 'starttls' });
    expect(problem).not.toBe(null);
    expect(server.mails).toEqual([]);
  });

  it.each([
    [450, 3],
    [550, 1],
  ])('refused with %i is tried %i times', async (responseCode, expected) => {
    let tries = 0;
    const server = await serve({
      onMailFrom(_address, _session, done) {
        tries += 1;
        done(Object.assign(new Error('not now'), { responseCode }));
      },
    });
    expect((await send(server.port)).problem).toContain(`${responseCode} not now`);
    expect(tries).toBe(expected);
  });

  it('says who was refused, when the others were not', async () => {
    const server = await serve({
      onRcptTo({ address }, _session, done) {
        done(address === 'me@example.com' ? Object.assign(new Error('unknown'), { responseCode: 550 }) : null);
      },
    });
    expect((await send(server.port)).problem).toBe('it refused me@example.com');
    expect(server.mails).toHaveLength(1);
  });

  it('to a server that is down, silent, cut off or none at all is given up in time', async () => {
    expect((await send(await freePort())).problem).toMatch(/^connection refused/);
    const silent = await send(await listen(() => {}));
    expect(silent.problem).toMatch(/within/);
    const cut = await send(await listen((socket) => socket.end('220 mail.example.com ESMTP\r\n')));
    expect(cut.problem).not.toBe(null);
    const other = await send(await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect(other.problem).not.toBe(null);
    for (const { ms } of [silent, cut, other]) expect(ms).toBeLessThan(3_500);
  });

  it.each(['none', 'starttls', 'tls'] as const)(
    'with %s to a server that resets at any point harms nobody',
    async (tls) => {
      const replies = [
        '220 x ESMTP',
        tls === 'starttls' ? '250-x\r\n250 STARTTLS' : '250 x',
        ...Array<string>(4).fill('250 ok'),
      ];
      for (let count = 0; count <= replies.length; count += 1) {
        const port = await listen((socket) => {
          const left = replies.slice(0, count);
          const next = (): void => {
            const reply = left.shift();
            if (reply === undefined) socket.resetAndDestroy();
            else socket.write(`${reply}\r\n`);
          };
          socket.on('data', next);
          next();
        });
        expect((await send(port, { tls })).problem).not.toBe(null);
      }
    },
    60_000,
  );

  it('to a server that stops in the middle is given up in time, and leaves no connection', async () => {
    const sockets: Socket[] = [];
    const port = await listen((socket) => {
      sockets.push(socket);
      socket.write('220 mail.example.com ESMTP\r\n');
      socket.once('data', () => socket.write('250 mail.example.com\r\n'));
    });
    const { problem, ms } = await send(port);
    expect(problem).toMatch(/within/);
    expect(ms).toBeLessThan(3_500);
    await expect.poll(() => sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded)).toBe(true);
  });
});
