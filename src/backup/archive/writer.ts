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
  write(bytes: Uint8Array): Promise<void>;
}

/** One namespace of the body, as it is being written. */
export interface OpenNamespace {
  /** Whole documents, one after the other. */
  write(documents: Buffer): Promise<void>;
  /** Closes the namespace for good and gives its CRC-64. */
  close(): Promise<bigint>;
}

export const writePrelude = async (
  sink: ByteSink,
  header: ArchiveHeader,
  entries: readonly PreludeEntry[],
): Promise<void> => {
  await sink.write(Buffer.concat([MAGIC, encodeHeader(header), ...entries.map(encodePreludeEntry), TERMINATOR]));
};

/**
 * Opens a namespace, one at a time. The block is there even when no document follows: mongorestore opens a namespace by
 * its block, and one that only ends would not be created.
 */
export const openNamespace = async (sink: ByteSink, db: string, collection: string): Promise<OpenNamespace> => {
  const crc = new Crc64();
  await sink.write(encodeBlockHeader({ db, collection, eof: false, crc: 0n }));
  return {
    write: (documents) => {
      crc.update(documents);
      return sink.write(documents);
    },
    close: async () => {
      const value = crc.value();
      const end = encodeBlockHeader({ db, collection, eof: true, crc: value });
      await sink.write(Buffer.concat([TERMINATOR, end, TERMINATOR]));
      return value;
    },
  };
};
