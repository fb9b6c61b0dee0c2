import { Crc64 } from './crc64.ts';
import {
  type ArchiveHeader,
  encodeBlockHeader,
  encodeHeader,
  encodePreludeEntry,
  MAGIC,
  type PreludeEntry,
  TERMINATOR,
} from './format.ts';

/** Where an archive's bytes go. */
export interface ByteSink {
  /** Appends all parts, with nothing of another write in between. Resolves when there is room for more. */
  write(...parts: readonly Uint8Array[]): Promise<void>;
}

/** One namespace of the body, as it is being written; others may be written at the same time. */
export interface OpenNamespace {
  /** Whole documents, one after the other: a block of its own. */
  write(documents: Buffer): Promise<void>;
  /** Closes the namespace for good and gives its CRC-64. */
  close(): Promise<bigint>;
}

export const writePrelude = (sink: ByteSink, header: ArchiveHeader, entries: readonly PreludeEntry[]): Promise<void> =>
  sink.write(MAGIC, encodeHeader(header), ...entries.map(encodePreludeEntry), TERMINATOR);

/**
 * Opens a namespace; no more may be open at once than the header says. One without documents gets an empty block: mongorestore
 * opens a namespace by its block, and one that only ends would not be created.
 */
export const openNamespace = (sink: ByteSink, db: string, collection: string): OpenNamespace => {
  const crc = new Crc64();
  const block = encodeBlockHeader({ db, collection, eof: false, crc: 0n });
  let isEmpty = true;
  return {
    write: (documents) => {
      crc.update(documents);
      isEmpty = false;
      return sink.write(block, documents, TERMINATOR);
    },
    close: async () => {
      const value = crc.value();
      const end = encodeBlockHeader({ db, collection, eof: true, crc: value });
      await sink.write(...(isEmpty ? [block, TERMINATOR] : []), end, TERMINATOR);
      return value;
    },
  };
};
