import type { Manifest } from '../../backup/manifest.ts';

/** A graceful stop, a start, and what is asked of the engine between them: 1 to 2 s with FerretDB (bench/outage.ts); MongoDB stops slower. */
const RESTART_MS = 5_000;
/** Until one was taken: bytes of documents that are dumped and verified in a second. */
const DUMP_RATE = 40_000_000;
/** Verifying reads the archive once more. */
const WITH_VERIFY = 1.4;
/** Bytes that a disk copies in a second, not a fast one. */
const COPY_RATE = 150_000_000;
/** An archive can be moved, verified and restored anywhere: a snapshot must be clearly quicker. */
const CLEARLY = 0.8;

/** Of less than this a backup takes what it takes to begin and to end, and says nothing about a larger one. */
const SMALL_BYTES = 100_000_000;

/** How long behind the fence a backup would take, judged by the last one. Pure. */
export const archiveMs = (dataBytes: number, last: Pick<Manifest, 'durationMs' | 'dataBytes'> | null): number => {
  const known = last !== null && last.dataBytes >= SMALL_BYTES;
  const dumpMs = known ? last.durationMs * (dataBytes / last.dataBytes) : (dataBytes / DUMP_RATE) * 1000;
  return dumpMs * WITH_VERIFY;
};

/** How long behind the fence a snapshot would take. Pure. */
export const snapshotMs = ({ bytes, reflink }: { readonly bytes: number; readonly reflink: boolean }): number =>
  RESTART_MS + (reflink ? 0 : (bytes / COPY_RATE) * 1000);

/** Whether a snapshot is worth the restart. Pure. */
export const isQuicker = (snapshot: number, archive: number): boolean => snapshot < archive * CLEARLY;

/** Whether it can be, whatever the disk is like. Pure. */
export const mayBeQuicker = (dataBytes: number, archive: number): boolean =>
  dataBytes >= SMALL_BYTES && isQuicker(RESTART_MS, archive);
