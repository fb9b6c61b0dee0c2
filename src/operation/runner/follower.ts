import type { Duplex } from 'node:stream';
import { readMessages, sendMessage } from './lines.ts';
import { type Ending, type Happening, type Hello, type LiveState, PROTOCOL, type ToFollower } from './protocol.ts';

export interface Following {
  /** Events from this number on; 1 is the first. */
  readonly from: number;
  /** The debug log too. */
  readonly verbose: boolean;
  onHello(hello: Hello): void;
  onHappening(event: Happening): void;
}

/** How a connection to a runner ended. `lost`: without an ending; `next` is the number of the first event not seen. */
export type Followed =
  | { readonly how: 'ended'; readonly ending: Ending }
  | { readonly how: 'lost'; readonly next: number }
  | { readonly how: 'incompatible' };

/** Follows a runner until it ends or the connection does. Resolves, whatever happens. */
export const followRunner = (stream: Duplex, following: Following): Promise<Followed> =>
  new Promise((resolve) => {
    let next = following.from;
    const finish = (followed: Followed): void => {
      resolve(followed);
      stream.destroy();
    };
    const lost = (): void => finish({ how: 'lost', next });
    stream.on('error', lost).on('end', lost).on('close', lost);
    readMessages(stream, (received) => {
      const message = received as ToFollower;
      if (message.type === 'hello') {
        if (message.protocol !== PROTOCOL) return finish({ how: 'incompatible' });
        following.onHello(message);
        sendMessage(stream, { type: 'follow', from: following.from, verbose: following.verbose });
        return;
      }
      if (message.type === 'state') return;
      next = Math.max(next, message.n + 1);
      if (message.type === 'end') finish({ how: 'ended', ending: message });
      else following.onHappening(message);
    });
  });

export const askToAbort = (stream: Duplex, by: string): void => sendMessage(stream, { type: 'abort', by });

/** What the run is at; null when it does not say so in time, or speaks another version. */
export const lookAtRunner = (stream: Duplex, timeoutMs: number): Promise<LiveState | null> =>
  new Promise((resolve) => {
    const finish = (state: LiveState | null): void => {
      clearTimeout(timer);
      resolve(state);
      stream.destroy();
    };
    const timer = setTimeout(() => finish(null), timeoutMs);
    const lost = (): void => finish(null);
    stream.on('error', lost).on('end', lost).on('close', lost);
    readMessages(stream, (received) => {
      const message = received as ToFollower;
      if (message.type === 'state') finish(message);
      else if (message.type !== 'hello' || message.protocol !== PROTOCOL) finish(null);
      else sendMessage(stream, { type: 'look' });
    });
  });
