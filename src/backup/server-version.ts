/** major, minor, patch. */
export type Version = readonly [number, number, number];

/** Parses `7.0.14`, `8.1.0-rc1`. What cannot be read is 0.0.0, older than everything. */
export const parseVersion = (text: string): Version => {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match === null ? [0, 0, 0] : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
};

/** Negative when `a` is older than `b`. */
export const compareVersions = (a: Version, b: Version): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

export const atLeast = (version: Version, ...wanted: Version): boolean => compareVersions(version, wanted) >= 0;

/** The first patch of each release line that knows `bypassEmptyTsReplacement`; 8.0 and later all do. */
const EMPTY_TIMESTAMP_PATCHES: readonly Version[] = [
  [7, 0, 13],
  [6, 0, 17],
  [5, 0, 29],
];

/** Whether inserts can be told to keep empty timestamps as they are instead of replacing them by the current time. */
export const keepsEmptyTimestamps = (version: Version): boolean =>
  version[0] >= 8 ||
  EMPTY_TIMESTAMP_PATCHES.some(
    ([major, minor, patch]) => version[0] === major && version[1] === minor && version[2] >= patch,
  );
