const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `deploy 000012-a1b2`; the kind alone before the operation has begun. */
export const operationName = ({
  kind,
  operation,
}: {
  readonly kind: string;
  readonly operation: string | null;
}): string => [kind, operation].filter(Boolean).join(' ');

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** 1.2s, 1m 05s, 2h 03m. */
export const formatDuration = (ms: number): string => {
  // Rounded first, so that 59.96 s is 1m 00s and not 60.0s.
  const tenths = Math.round(Math.max(0, ms) / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.round(Math.max(0, ms) / SECOND);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${twoDigits(seconds % 60)}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
};

/** 512 B, 1.2 kB, 34 MB, 2.1 GB: powers of a thousand, as `docker images` counts. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const text = unit === 0 || value >= 9.95 ? String(Math.round(value)) : value.toFixed(1);
  return `${text} ${units[unit]}`;
};

/** `2 min ago`; the date where it is more than 30 days ago. A time in the future (a clock that was set) is `just now`. */
export const formatAgo = (iso: string, now: Date): string => {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  const age = now.getTime() - at;
  if (age < 5 * SECOND) return 'just now';
  if (age < MINUTE) return `${Math.floor(age / SECOND)} s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < 2 * DAY) return `${Math.floor(age / HOUR)} h ago`;
  if (age <= 30 * DAY) return `${Math.floor(age / DAY)} days ago`;
  return new Date(at).toISOString().slice(0, 10);
};

/** `1 check`, `2 checks`. */
export const plural = (count: number, noun: string, many = `${noun}s`): string =>
  `${count} ${count === 1 ? noun : many}`;

/** sha256:0123456789ab, enough to compare by eye. */
export const shortDigest = (digest: string): string => digest.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1');

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
const CONTROL = /\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Text of others (a container's last lines, a registry's answer) without what would move the cursor or recolour the terminal. */
export const printable = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replaceAll('\t', '  ').replace(CONTROL, '');

/** The same on one line. */
export const printableLine = (text: string): string => printable(text).replaceAll('\n', ' ');
