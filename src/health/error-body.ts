/** Words that health endpoints use for "not well", as whole values of `status` or `state`. "degraded" still serves. */
const BAD = new Set(
  'error errors err fail failed failing failure unhealthy down critical unavailable out_of_service not_ok ko'.split(
    ' ',
  ),
);
const FLAGS = ['ok', 'healthy', 'success', 'status', 'ready'];
const WORDS = ['status', 'state'];
const ERRORS = ['error', 'errors'];

/**
 * Why a 2xx answer is an error all the same, or null. For gates whose expectations say nothing about the body.
 *
 * A JSON document is one when at its top level `status` or `state` is a word such as error, fail, unhealthy or down;
 * `ok`, `healthy`, `success`, `ready` or `status` is false; or `error` or `errors` is neither empty, false nor null. An answer that
 * says it is JSON and isn't, is one too. Text is one when it is such a word or starts with one and a colon.
 * Deeper levels are the application's own business: `expect.json` is for them.
 */
export const errorInBody = (type: string, text: string): string | null => {
  const saysJson = /^application\/json$|\+json$/.test(type);
  if (saysJson || /^\s*\{/.test(text)) {
    const document = parse(text);
    if (document !== undefined) return errorInJson(document);
    // An empty body with a JSON type says nothing either way.
    if (saysJson && text.trim() !== '') return 'the body says it is JSON and does not parse';
  }
  return type === '' || type === 'text/plain' ? errorInText(text) : null;
};

const errorInJson = (document: unknown): string | null => {
  if (typeof document === 'string') return errorInText(document);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return null;
  const fields = new Map(Object.entries(document).map(([key, value]) => [key.toLowerCase(), value as unknown]));
  const bad = WORDS.find((key) => isBadWord(fields.get(key)));
  if (bad !== undefined) return `the body's ${bad} is ${JSON.stringify(fields.get(bad))}`;
  const flag = FLAGS.find((key) => fields.get(key) === false);
  if (flag !== undefined) return `the body's ${flag} is false`;
  const error = ERRORS.find((key) => says(fields.get(key)));
  return error === undefined ? null : `the body has an "${error}"`;
};

const errorInText = (text: string): string | null => {
  const word = /^([\w -]{2,20}?)\s*(?:[:.!]|$)/.exec(text.trimStart().slice(0, 40))?.[1];
  return word !== undefined && isBadWord(word) ? `the body says "${word}"` : null;
};

const isBadWord = (value: unknown): boolean =>
  typeof value === 'string' && BAD.has(value.trim().toLowerCase().replace(/[ -]/g, '_'));

const says = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return (
    value === true || (typeof value === 'string' && value.trim() !== '') || (typeof value === 'number' && value !== 0)
  );
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
