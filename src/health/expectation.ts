import type { HttpExpectation } from '../config/config.ts';
import { type JsonPath, parseJsonPath, readJsonPath } from '../config/json-path.ts';
import { duration, snippet } from './detail.ts';
import { errorInBody } from './error-body.ts';
import { contentType, type HttpAnswer } from './http-exchange.ts';

/** What an answer lacks, in words; null when it is as expected. */
export type AnswerCheck = (answer: HttpAnswer) => string | null;

/**
 * Without `status`: 200 to 299. Without `body` and `json`: a 2xx must not hold an error (`errorInBody`).
 * Errors: 'config-invalid' for a JSON path that can't be read.
 */
export const answerCheck = (expect: HttpExpectation): AnswerCheck => {
  const json = Object.entries(expect.json ?? {}).map(([path, wanted]) => ({ path, at: parseJsonPath(path), wanted }));
  const silentAboutBody = expect.body === undefined && json.length === 0;
  return (answer) => {
    const text = answer.body.toString('utf8').replace(/^\uFEFF/, '');
    return (
      statusProblem(answer, expect.status) ??
      timeProblem(answer, expect.withinMs) ??
      headerProblem(answer, expect.headers ?? {}) ??
      (expect.body !== undefined && !text.includes(expect.body) ? `the body has no "${snippet(expect.body)}"` : null) ??
      jsonProblem(text, json) ??
      (silentAboutBody && isSuccess(answer.status) ? errorInBody(contentType(answer), text) : null)
    );
  };
};

export const isSuccess = (status: number): boolean => status >= 200 && status <= 299;

const statusProblem = ({ status, headers }: HttpAnswer, accepted: readonly number[] | undefined): string | null => {
  if (accepted ? accepted.includes(status) : isSuccess(status)) return null;
  const wanted = accepted ? accepted.join(' or ') : '2xx';
  // Without the query, which may hold a token.
  const to = headers.location?.split(/[?#]/, 1)[0];
  return `status ${status}, not ${wanted}${to === undefined ? '' : ` (redirects are not followed; this one goes to ${to})`}`;
};

const timeProblem = ({ elapsedMs }: HttpAnswer, withinMs: number | undefined): string | null =>
  withinMs === undefined || elapsedMs <= withinMs
    ? null
    : `the answer took ${duration(elapsedMs)}, more than ${duration(withinMs)}`;

const headerProblem = ({ headers }: HttpAnswer, wanted: Readonly<Record<string, string>>): string | null => {
  for (const [name, text] of Object.entries(wanted)) {
    const value = headers[name.toLowerCase()];
    if (value === undefined) return `there is no header ${name}`;
    if (!String(value).includes(text)) return `the header ${name} is "${snippet(String(value))}", without "${text}"`;
  }
  return null;
};

interface WantedValue {
  readonly path: string;
  readonly at: JsonPath;
  readonly wanted: string | number | boolean | null;
}

const jsonProblem = (text: string, values: readonly WantedValue[]): string | null => {
  if (values.length === 0) return null;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return 'the body is not JSON';
  }
  for (const { path, at, wanted } of values) {
    const value = readJsonPath(document, at);
    if (value === undefined) return `the body has no ${path}`;
    if (value !== wanted) return `${path} is ${snippet(JSON.stringify(value))}, not ${JSON.stringify(wanted)}`;
  }
  return null;
};
