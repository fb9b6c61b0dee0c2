export interface ParsedUri {
  readonly scheme: string;
  /** Decoded. */
  readonly username: string | null;
  /** Decoded, and as written. */
  readonly password: string | null;
  readonly encodedPassword: string | null;
  /** Each as written: host, host:port, [ipv6]:port. */
  readonly hosts: readonly string[];
  /** Decoded, without its leading slash. */
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
}

const SHAPE =
  /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<username>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<hosts>[^/?#@]*)(?<rest>[/?][^#]*)?$/is;
const HOST_AND_PORT = /^(?:\[[^\]]*\]|[^:]*)(?::\d+)?$/;

const mustBeEncoded = (): Error =>
  new Error(
    "its user name or password has a character that must be percent-encoded (one of @ / : ? # [ ] %, '@' is %40)",
  );

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`it has a '%' that does not begin a percent-encoding`);
  }
};

/** Takes a URI apart. Throws a plain Error that says what is wrong and has no secret in it. */
export const parseUri = (uri: string): ParsedUri => {
  if (uri !== uri.trim()) throw new Error('it has a space at its beginning or end');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\s\x00-\x1f\x7f]/.test(uri)) throw new Error('it has a space or a control character in it');
  if (!uri.includes('://')) throw new Error("it has no scheme (the part before '://')");
  const groups = SHAPE.exec(uri)?.groups;
  if (groups === undefined) {
    if (uri.includes('@')) throw mustBeEncoded();
    if (uri.includes('#')) throw new Error("it has a '#' part, which is never sent to a server");
    throw new Error('it is not of the form scheme://user:password@host:port/path');
  }
  const { scheme = '', username, password, hosts = '', rest = '' } = groups;
  if (password !== undefined && /[[\]:]/.test(password)) throw mustBeEncoded();
  // A slash in a password makes the user name look like a host. Only http paths have an '@' of their own.
  const strayAt = username === undefined && rest.includes('@');
  const inPath = strayAt && !/^https?$/i.test(scheme) && (rest.split('?')[0] ?? '').includes('@');
  if (inPath || (strayAt && !hosts.split(',').every((each) => HOST_AND_PORT.test(each)))) throw mustBeEncoded();
  const question = rest.indexOf('?');
  const path = question < 0 ? rest : rest.slice(0, question);
  return {
    scheme: scheme.toLowerCase(),
    username: username === undefined ? null : decode(username),
    password: password === undefined ? null : decode(password),
    encodedPassword: password ?? null,
    hosts: hosts.split(','),
    path: decode(path.replace(/^\//, '')),
    query: question < 0 ? '' : rest.slice(question + 1),
  };
};

const SECRET_OPTION = /([?&](?:[\w-]*(?:password|secret|token|key)[\w-]*|authMechanismProperties)=)[^&#]*/gi;

/** The URI with its password and secret options as `***`. Works on malformed ones too: rather too much than too little. */
export const maskUri = (uri: string): string => {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(uri)?.[0] ?? '';
  const rest = uri.slice(scheme.length);
  return scheme + rest.replace(/^([^:@]*):.*@/s, '$1:***@').replace(SECRET_OPTION, '$1***');
};
