import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIBRARIES = '/usr/lib';

const findLibrary = async (): Promise<string> => {
  for (const folder of await readdir(LIBRARIES)) {
    const names: readonly string[] = await readdir(join(LIBRARIES, folder, 'faketime')).catch(() => []);
    if (names.includes('libfaketimeMT.so.1')) return join(LIBRARIES, folder, 'faketime/libfaketimeMT.so.1');
  }
  throw new Error('libfaketime is not installed: scripts/test-bed/up.sh does it');
};

/** A wall clock that a test moves under a running process; its monotonic clock goes on as it did. */
export interface WallClock {
  /** For the process that shall have it, and all that it starts. */
  readonly variables: Readonly<Record<string, string>>;
  /** `+1d`, `-1d`, `+0`: from the real time. */
  set(offset: string): Promise<void>;
  remove(): Promise<void>;
}

/** By Debian's libfaketime, which looks into a file at every call. */
export const makeWallClock = async (): Promise<WallClock> => {
  const folder = await mkdtemp(join(tmpdir(), 'kaleem-clock-'));
  const file = join(folder, 'offset');
  const set = async (offset: string): Promise<void> => {
    await writeFile(`${file}.new`, `${offset}\n`);
    await rename(`${file}.new`, file);
  };
  await set('+0');
  return {
    variables: {
      LD_PRELOAD: await findLibrary(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    set,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
