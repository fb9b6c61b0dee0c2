/** Why a registry, or the engine on its behalf, did not give an image. */
export type RegistryFailureKind =
  | 'not-found'
  | 'denied'
  | 'wrong-architecture'
  | 'disk-full'
  | 'rate-limited'
  | 'transient'
  | 'permanent';

export interface RegistryFailure {
  readonly kind: RegistryFailureKind;
  /** True for what can heal by itself. */
  readonly retry: boolean;
  /** What the registry asked for, where it can be seen; milliseconds. */
  readonly retryAfterMs: number | null;
}

/**
 * In this order: what says exactly what is wrong goes before what a longer message merely contains. From messages of Docker 20 to 28
 * and of Docker Hub, ghcr.io, ECR, GitLab, Harbor and distribution.
 */
const KINDS: readonly (readonly [RegistryFailureKind, RegExp])[] = [
  ['disk-full', /no space left on device|disk quota exceeded/i],
  [
    'wrong-architecture',
    /no matching manifest for|does not match the (?:specified|detected host) platform|no match for platform/i,
  ],
  ['rate-limited', /toomanyrequests|too many requests|status:? 429|rate limit|rate exceeded/i],
  [
    'not-found',
    /manifest unknown|manifest_unknown|manifest for \S+ not found|name unknown|name_unknown|repository name not known|repository \S+ not found/i,
  ],
  [
    'permanent',
    /x509:|certificate (?:signed by|is not|has expired)|tls: failed to verify|server gave HTTP response to HTTPS client|invalid reference format|unsupported (?:manifest )?media type|manifest invalid|invalid manifest|mediatype|blob unknown|no such image|cannot overwrite digest/i,
  ],
  // A proxy or a login server that does not answer is no refusal.
  [
    'transient',
    /i\/o timeout|TLS handshake timeout|connection refused|connection reset|connection timed out|unexpected EOF|: EOF|\bEOF$|no such host|server misbehaving|temporary failure in name resolution|context deadline exceeded|client\.timeout|deadline exceeded|network is (?:unreachable|down)|no route to host|host is down|broken pipe|use of closed network connection|GOAWAY|stream error|request canceled|filesystem layer verification failed|unexpected commit digest|short read|failed to (?:copy|read expected number of bytes)|received unexpected HTTP status: 5|\b50[0-9] (?:internal|bad gateway|service|gateway|server)|internal server error|bad gateway|service unavailable|gateway time-?out|(?:^|[^0-9])HTTP (?:status )?5\d\d/im,
  ],
  [
    'denied',
    /unauthorized|\bdenied\b|authentication required|no basic auth credentials|incorrect username or password|\b40[13] (?:unauthorized|forbidden)|forbidden|unexpected HTTP status: 40[13]|insufficient_scope|error getting credentials|password required|expired token/i,
  ],
  ['not-found', /status:? 404|not found/i],
];

/**
 * Sorts a message of `docker pull` or of the engine's /distribution endpoint. What is not known is taken for permanent: a
 * retry that can't help only delays the answer.
 */
export const classifyRegistryFailure = (message: string): RegistryFailure => {
  const kind = KINDS.find(([, pattern]) => pattern.test(message.trim()))?.[0] ?? 'permanent';
  return {
    kind,
    retry: kind === 'transient' || kind === 'rate-limited',
    retryAfterMs: kind === 'rate-limited' || kind === 'transient' ? retryAfter(message) : null,
  };
};

/** `Retry-After: 30`, `retry after 30s`, `retry-after: 766.09µs, allowed: 44000/minute` (ghcr.io). */
const retryAfter = (message: string): number | null => {
  const [, amount, unit = 's'] =
    message.match(/retry[- ]after\W{0,3}(\d+(?:\.\d+)?)\s*(ms|µs|us|s\b|sec|m\b|min)?/i) ?? [];
  if (amount === undefined) return null;
  const factor = { ms: 1, µs: 0.001, us: 0.001, m: 60_000, min: 60_000 }[unit] ?? 1_000;
  return Math.ceil(Number(amount) * factor);
};
