/** Secrets that a gate's own settings hold; a server's answer or a driver's error may repeat them. */

/** User and password of a URI, as written and decoded. Driver URIs with several hosts are fine. */
export const uriSecrets = (uri: string): readonly string[] => {
  const password = /^[^/]*:\/\/[^/@:]*:([^/@]*)@/.exec(uri)?.[1];
  return password === undefined ? [] : [...new Set([password, decoded(password)])];
};

const SECRET_HEADER = /auth|cookie|key|password|secret|signature|token/i;

/** Values of headers that carry credentials, and for `Basic x` and `Bearer x` the `x` alone too. */
export const secretHeaders = (headers: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(headers).flatMap(([name, value]) =>
    SECRET_HEADER.test(name) ? [value, ...value.split(/\s+/).slice(1)] : [],
  );

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
