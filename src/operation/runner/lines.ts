import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** More without a newline is not a message of ours. A result names every step and gate, so it may be long. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Calls back with each line that is a JSON object with a `type`; a stream that says anything else is closed. */
export const readMessages = (stream: Duplex, onMessage: (message: { readonly type: string }) => void): void => {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (line: string): void => {
    const message: unknown = JSON.parse(line);
    if (typeof message !== 'object' || message === null || !('type' in message) || typeof message.type !== 'string') {
      throw new Error('not a message');
    }
    onMessage(message as { readonly type: string });
  };
  stream.on('data', (chunk: Buffer) => {
    const lines = `${rest}${decoder.write(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) stream.destroy();
    try {
      for (const line of lines) if (!stream.destroyed) take(line);
    } catch {
      stream.destroy();
    }
  });
  stream.resume();
};

export const sendMessage = (stream: Duplex, message: object): void => {
  if (stream.writable) stream.write(`${JSON.stringify(message)}\n`);
};
