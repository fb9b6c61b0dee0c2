import type { Duplex } from 'node:stream';
import type { Clock } from '../../system/clock.ts';
import type { Redactor } from '../../system/redact.ts';
import { redactValues } from '../../system/redact-values.ts';
import { readMessages, sendMessage } from './lines.ts';
import {
  type Bytes,
  type Ending,
  type Happening,
  type LiveState,
  type Numbered,
  PROTOCOL,
  type ToRunner,
} from './protocol.ts';

/** Kept for whoever comes later. An operation has dozens of steps; a hook may warn in a loop. */
const MOST_KEPT = 5_000;
/** What a follower that does not read (a suspended terminal) may cost us. */
const MOST_UNREAD_BYTES = 32 * 1024 * 1024;
/** How long the last words may take to reach followers. */
const LAST_WORDS_MS = 5_000;

/** Where the run's events go, and where its followers' wishes come from. */
export interface Hub {
  emit(event: Happening): void;
  /** Speaks with a follower until either is gone. One that may say what is to be done is listened to for that. */
  serve(stream: Duplex, onJob?: (job: unknown) => void): void;
  /** Tells everyone how it ended, those who come later too; resolves once they have heard it, or 5 s later. */
  end(ending: Ending): Promise<void>;
}

export interface HubOptions {
  readonly kind: string;
  readonly clock: Clock;
  readonly redactor: Redactor;
  /** Somebody wants the run to go back. */
  readonly onAbort: (by: string) => void;
  readonly isAborting: () => boolean;
}

interface Running {
  readonly started: Numbered & { readonly type: 'started' };
  detail: string | null;
  bytes: Bytes | null;
}

/** The type is ours; all else may hold what others said. Numbers stay. */
const redacted = <E extends Happening | Ending>(event: E, redactor: Redactor): E =>
  ({ ...(redactValues(event, redactor) as E), type: event.type }) as E;

export const createHub = ({ kind, clock, redactor, onAbort, isAborting }: HubOptions): Hub => {
  const began = clock.monotonic();
  const followers = new Map<Duplex, { readonly verbose: boolean }>();
  /** Those who said what is to be done: they will follow, and a job that fails at once may be over before they ask to. */
  const principals = new Set<Duplex>();
  const running = new Map<number, Running>();
  let kept: Numbered[] = [];
  let count = 0;
  let over = false;

  const keep = (event: Numbered): void => {
    // What a step was at is of no interest once it is over; the end of it names it.
    if (event.type === 'finished' || event.type === 'failed') {
      kept = kept.filter((each) => each.type !== 'started' || each.step !== event.step);
    }
    kept.push(event);
    if (kept.length > MOST_KEPT) kept.shift();
  };

  const track = (event: Numbered): void => {
    if (event.type === 'started') running.set(event.step, { started: event, detail: null, bytes: null });
    if (event.type === 'finished' || event.type === 'failed') running.delete(event.step);
    if (event.type === 'detail' || event.type === 'bytes') {
      const step = running.get(event.step);
      if (step === undefined) return;
      if (event.type === 'detail') step.detail = event.text;
      else step.bytes = event.bytes;
      return;
    }
    if (event.type !== 'log') keep(event);
  };

  const send = (stream: Duplex, message: object): void => {
    sendMessage(stream, message);
    if (stream.writableLength > MOST_UNREAD_BYTES) stream.destroy();
  };

  const publish = (event: Happening | Ending): void => {
    count += 1;
    const numbered: Numbered = { n: count, ...redacted(event, redactor) };
    track(numbered);
    for (const [stream, { verbose }] of followers) if (verbose || event.type !== 'log') send(stream, numbered);
  };

  const follow = (stream: Duplex, from: number, verbose: boolean): void => {
    for (const event of kept.filter(({ n }) => n >= from)) send(stream, event);
    for (const [step, { detail, bytes }] of running) {
      if (detail !== null) send(stream, { n: count, type: 'detail', step, text: detail });
      if (bytes !== null) send(stream, { n: count, type: 'bytes', step, bytes });
    }
    if (over) stream.end();
    else followers.set(stream, { verbose });
  };

  const state = (): LiveState => ({
    ...{ type: 'state', pid: process.pid, kind, elapsedMs: Math.round(clock.monotonic() - began) },
    aborting: isAborting(),
    steps: [...running.values()].map(({ started, detail, bytes }) => ({
      ...{ title: started.title, elapsedMs: Math.round(clock.monotonic() - started.at), detail, bytes },
    })),
  });

  const obey = (stream: Duplex, message: ToRunner, onJob?: (job: unknown) => void): void => {
    if (message.type === 'follow') follow(stream, Number(message.from) || 0, message.verbose === true);
    else if (message.type === 'abort') onAbort(redactor.redact(String(message.by)).slice(0, 200));
    else if (message.type === 'look') send(stream, state());
    else if (message.type === 'job' && onJob !== undefined) onJob(message.job);
    else stream.destroy();
  };

  return {
    emit: (event) => {
      if (!over) publish(event);
    },
    serve(stream, onJob) {
      stream.on('error', () => {});
      stream.on('close', () => {
        followers.delete(stream);
        principals.delete(stream);
      });
      if (onJob !== undefined) principals.add(stream);
      // A follower that has said its last word is gone.
      stream.on('end', () => stream.end());
      send(stream, { type: 'hello', protocol: PROTOCOL, pid: process.pid, kind, now: clock.monotonic() });
      readMessages(stream, (message) => obey(stream, message as ToRunner, onJob));
    },
    async end(ending) {
      publish(ending);
      over = true;
      const heard = [...new Set([...followers.keys(), ...principals])].map(
        (stream) =>
          new Promise<void>((resolve) => {
            for (const event of ['finish', 'close']) stream.once(event, () => resolve());
            if (followers.has(stream)) stream.end();
          }),
      );
      const late = new AbortController();
      await Promise.race([Promise.all(heard), clock.sleep(LAST_WORDS_MS, late.signal).catch(() => {})]);
      late.abort();
    },
  };
};
