import { describeError, snippet } from '../health/detail.ts';
import { VERSION } from '../version-number.ts';
import type { Post } from './forms.ts';
import { Undelivered } from './undelivered.ts';

const MOST_BYTES = 16 * 1024;

/** The start of an answer's body; empty where there is none, or it is cut off. */
const startOf = async ({ body }: Response, redact: (text: string) => string): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MOST_BYTES) break;
    }
  } catch {
    // What came until then is enough to go by.
  }
  // Masked before it is cut, or the first half of a secret would show.
  return snippet(redact(Buffer.concat(chunks).subarray(0, MOST_BYTES).toString()));
};

/** Seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
const retryAfterMs = (value: string | null, now: number): number => {
  if (value === null) return 0;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
};

/** fetch takes no URL with a login in it. */
const withoutLogin = (text: string): { readonly url: URL; readonly headers: Readonly<Record<string, string>> } => {
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return { url, headers: {} };
  url.username = '';
  url.password = '';
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url, headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` } };
};

/**
 * Sends it, once. Any 2xx counts as delivered, whatever follows its status line. Redirects are not followed: what is sent is
 * for the server that was named.
 *
 * @throws Undelivered; the signal's reason when it is aborted
 */
export const post = async (
  { url: text, headers, body }: Post,
  { signal, redact }: { readonly signal: AbortSignal; readonly redact: (text: string) => string },
): Promise<void> => {
  const { url, headers: login } = withoutLogin(text);
  let answer: Response;
  try {
    answer = await fetch(url, {
      ...{ method: 'POST', body, redirect: 'manual', signal },
      headers: { 'user-agent': `kaleem-deploy/${VERSION}`, ...login, ...headers },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new Undelivered(describeError((error as Error).cause ?? error), { heals: true });
  }
  const { status } = answer;
  if (answer.ok) {
    await answer.body?.cancel().catch(() => {});
    return;
  }
  const said = await startOf(answer, redact);
  const redirected = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
  throw new Undelivered(`it answered ${status}${redirected}${said === '' ? '' : `: ${said}`}`, {
    heals: status >= 500 || status === 429 || status === 408,
    retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), Date.now()),
  });
};
