import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface MailServer {
  readonly port: number;
  /** Whole messages, headers and all. */
  readonly mails: readonly string[];
  stop(): Promise<void>;
}

/** A real SMTP server on the loopback that keeps what it is sent. */
export const startMailServer = async (options: SMTPServerOptions = {}): Promise<MailServer> => {
  const mails: string[] = [];
  const server = new SMTPServer({
    ...{ logger: false, authOptional: true, disableReverseLookup: true, closeTimeout: 100 },
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString());
        done();
      });
    },
    ...options,
  });
  // A client that hangs up in the middle is what some tests are about.
  server.on('error', () => {});
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', () => done());
  });
  const { port } = server.server.address() as AddressInfo;
  return { port, mails, stop: () => new Promise((done) => server.close(() => done())) };
};
