import type { GateSpec } from '../config/config.ts';
import { describeError } from './detail.ts';
import { isSuccess } from './expectation.ts';
import { DeadlineReached, defineGate, type Gate, type GateContext, GateFailure } from './gate.ts';
import { contentType, exchange, type HttpAnswer, hostOf, portOf, statusLine } from './http-exchange.ts';
import { type PageAssets, pageAssets } from './page-assets.ts';
import { reachPlanned } from './planned.ts';
import { uriSecrets } from './secrets.ts';

const MOST_ASSETS = 50;
const AT_ONCE = 6;
const ASSET_BYTES = 32 * 1024 * 1024;

/**
 * The page is HTML, and the scripts, style sheets and images it names on its own origin load, not empty and not as HTML:
 * a single-page application answers a missing script with its index page, status 200. Other origins are not asked.
 */
export const pageGate = (spec: Extract<GateSpec, { type: 'page' }>, context: GateContext): Gate => {
  const page = new URL(spec.url);
  return defineGate({
    spec,
    secrets: uriSecrets(spec.url),
    async attempt({ signal }) {
      const at = await reachPlanned(context, { host: hostOf(page), port: portOf(page) }, signal);
      const get = (url: URL, of: AbortSignal, maxBytes?: number) =>
        exchange({ method: 'GET', url, at, headers: {}, signal: of, ...(maxBytes === undefined ? {} : { maxBytes }) });
      const answer = await get(page, signal);
      const problem = pageProblem(answer);
      if (problem !== null) throw new GateFailure(`${problem}; answer: ${statusLine(answer)}`);
      const assets = pageAssets(answer.body.toString('utf8'), page);
      const some = assets.own.slice(0, MOST_ASSETS);
      await loadAll(some, signal, (url, of) => get(withCredentials(url, page), of, ASSET_BYTES));
      return `${statusLine(answer)}, ${describeAssets(assets)}`;
    },
  });
};

const pageProblem = (answer: HttpAnswer): string | null => {
  if (!isSuccess(answer.status)) return `status ${answer.status}, not 2xx`;
  if (contentType(answer) !== 'text/html') return `the content type is "${contentType(answer)}", not text/html`;
  return isEmpty(answer) ? 'the page is empty' : null;
};

/** A few at a time, as a browser does; the first that does not load ends it. */
const loadAll = async (
  urls: readonly URL[],
  signal: AbortSignal,
  get: (url: URL, signal: AbortSignal) => Promise<HttpAnswer>,
): Promise<void> => {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const waiting = urls.values();
  const worker = async () => {
    for (const url of waiting) {
      try {
        const problem = assetProblem(await get(url, both));
        if (problem !== null) throw new GateFailure(problem);
      } catch (error) {
        failed.abort(error);
        throw withPath(url, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
};

const withPath = ({ pathname }: URL, error: unknown): unknown => {
  if (!(error instanceof DeadlineReached)) return new GateFailure(`${pathname}: ${describeError(error)}`);
  error.message = `${pathname}: ${error.message}`;
  return error;
};

const assetProblem = (answer: HttpAnswer): string | null => {
  if (!isSuccess(answer.status)) return `status ${answer.status}, not 2xx`;
  if (contentType(answer) === 'text/html') return 'an HTML page came instead of it';
  return isEmpty(answer) ? 'it is empty' : null;
};

const isEmpty = ({ body }: HttpAnswer): boolean => body.toString('latin1').trim() === '';

const describeAssets = ({ own, elsewhere }: PageAssets): string => {
  const loaded = own.length > MOST_ASSETS ? `${MOST_ASSETS} of ${own.length} assets load` : `${own.length} assets load`;
  return elsewhere === 0 ? loaded : `${loaded}, ${elsewhere} on other origins not checked`;
};

/** A page behind basic authentication names its assets without the credentials; a browser sends them all the same. */
const withCredentials = (url: URL, { username, password }: URL): URL => {
  const copy = new URL(url);
  copy.username = username;
  copy.password = password;
  return copy;
};
