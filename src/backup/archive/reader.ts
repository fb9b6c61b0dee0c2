import type { DeployError } from '../../errors.ts';
import { namespaceOf } from '../namespace.ts';
import { BsonError, checkDocument, type DocumentRun, eachDocument, lengthProblem } from './bson.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { ByteSource } from './byte-source.ts';
import { Crc64, crcText } from './crc64.ts';
import {
  type ArchiveHeader,
  type BlockHeader,
  decodeBlockHeader,
  type PreludeEntry,
  TERMINATOR_LENGTH,
} from './format.ts';
import { archiveInvalid, decodeAt } from './invalid.ts';
import { type Prelude, readPrelude, takeDocument } from './prelude.ts';

/** mongodump puts the oplog here, after everything else. It is no collection of anyone's. */
export const OPLOG_NAMESPACE = '.oplog';

export interface ArchiveDocuments extends DocumentRun {
  readonly kind: 'documents';
  /** `db.collection` of the body: a time series' data travels as `db.system.buckets.X`. */
  readonly namespace: string;
  /** Where the run starts in the uncompressed archive. */
  readonly offset: number;
}

export interface ArchiveNamespaceEnd {
  readonly kind: 'end';
  readonly namespace: string;
  readonly crc: bigint;
  readonly documents: number;
  readonly bytes: number;
}

interface OpenNamespace {
  readonly crc: Crc64;
  documents: number;
  bytes: number;
}

/** Streams an archive and checks it on the way: framing, every document's structure, CRCs, prelude against body. */
export class ArchiveReader {
  readonly header: ArchiveHeader;
  readonly entries: readonly PreludeEntry[];
  readonly #source: ByteSource;
  readonly #cursor: ByteCursor;
  readonly #signal: AbortSignal | undefined;
  readonly #open = new Map<string, OpenNamespace>();
  readonly #closed = new Set<string>();
  /** Body namespaces the prelude announces; a time series may travel under either of two names. */
  readonly #announced = new Map<string, PreludeEntry>();

  private constructor(source: ByteSource, cursor: ByteCursor, prelude: Prelude, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#cursor = cursor;
    this.#signal = signal;
    this.header = prelude.header;
    this.entries = prelude.entries;
    for (const entry of prelude.entries) {
      this.#announced.set(namespaceOf(entry), entry);
      if (entry.type === 'timeseries') this.#announced.set(`${entry.db}.system.buckets.${entry.collection}`, entry);
    }
  }

  /** Reads up to the end of the prelude. `backup-invalid` says what is wrong and where. */
  static async open(source: ByteSource, signal?: AbortSignal): Promise<ArchiveReader> {
    const cursor = new ByteCursor(source.chunks(signal));
    return new ArchiveReader(source, cursor, await readPrelude(source.path, cursor), signal);
  }

  /** The prelude's entry of a namespace of the body; null for the oplog. */
  entryOf(namespace: string): PreludeEntry | null {
    return this.#announced.get(namespace) ?? null;
  }

  /** The body. Ends only after the last byte was read and everything announced was seen. */
  async *body(): AsyncGenerator<ArchiveDocuments | ArchiveNamespaceEnd> {
    const cursor = this.#cursor;
    while (await cursor.fill(1)) {
      const at = cursor.offset;
      const header = await this.#blockHeader();
      const namespace = namespaceOf(header);
      const open = this.#enter(namespace, at);
      yield* this.#documents(namespace, open);
      if (!header.eof) continue;
      if (cursor.offset !== this.#afterHeader + 4) throw this.#invalid(namespace, at, 'documents follow its end');
      yield this.#leave(namespace, open, header, at);
    }
    this.#checkComplete();
  }

  #afterHeader = 0;

  #invalid(namespace: string, offset: number, what: string): DeployError {
    return archiveInvalid(this.#source.path, `${namespace} at byte ${offset}: ${what}`);
  }

  async #blockHeader(): Promise<BlockHeader> {
    const bytes = await takeDocument(this.#source.path, this.#cursor, 'a block header');
    const at = this.#cursor.offset - (bytes?.length ?? 4);
    if (bytes === null)
      throw archiveInvalid(this.#source.path, `at byte ${at}: a terminator stands where a block must start`);
    this.#afterHeader = this.#cursor.offset;
    return decodeAt(this.#source.path, at, 'block header', () => decodeBlockHeader(bytes));
  }

  #enter(namespace: string, at: number): OpenNamespace {
    if (this.#closed.has(namespace)) throw this.#invalid(namespace, at, 'it appears again after its end');
    const known = this.#open.get(namespace);
    if (known !== undefined) return known;
    if (namespace !== OPLOG_NAMESPACE && !this.#announced.has(namespace)) {
      throw this.#invalid(namespace, at, 'the prelude does not announce it');
    }
    if (this.#closed.has(OPLOG_NAMESPACE)) throw this.#invalid(namespace, at, 'it comes after the oplog');
    const twin = this.#twin(namespace);
    if (twin !== null && (this.#open.has(twin) || this.#closed.has(twin))) {
      throw this.#invalid(namespace, at, `the same time series came as ${twin}`);
    }
    if (this.#open.size >= Math.max(1, this.header.concurrentCollections)) {
      throw this.#invalid(namespace, at, `more than ${this.header.concurrentCollections} namespaces are open at once`);
    }
    const open = { crc: new Crc64(), documents: 0, bytes: 0 };
    this.#open.set(namespace, open);
    return open;
  }

  /** The other name of a time series' data, or null. */
  #twin(namespace: string): string | null {
    const entry = this.#announced.get(namespace);
    if (entry?.type !== 'timeseries') return null;
    const plain = namespaceOf(entry);
    return namespace === plain ? `${entry.db}.system.buckets.${entry.collection}` : plain;
  }

  async *#documents(namespace: string, open: OpenNamespace): AsyncGenerator<ArchiveDocuments> {
    const cursor = this.#cursor;
    for (;;) {
      this.#signal?.throwIfAborted();
      if (!(await cursor.fill(4))) throw this.#invalid(namespace, cursor.offset, 'the archive is cut off');
      const length = cursor.peekInt32();
      if (length === TERMINATOR_LENGTH) {
        cursor.take(4);
        return;
      }
      const problem = lengthProblem(length);
      if (problem !== null) throw this.#invalid(namespace, cursor.offset, problem);
      if (!(await cursor.fill(length)))
        throw this.#invalid(namespace, cursor.offset, 'the archive is cut off in a document');
      yield this.#run(namespace, open);
    }
  }

  /** As many whole documents as are at hand; the first is. */
  #run(namespace: string, open: OpenNamespace): ArchiveDocuments {
    const cursor = this.#cursor;
    const offset = cursor.offset;
    let length = 0;
    let count = 0;
    while (cursor.available - length >= 4) {
      const next = cursor.peekInt32(length);
      if (lengthProblem(next) !== null || cursor.available - length < next) break;
      length += next;
      count++;
    }
    const bytes = cursor.take(length);
    eachDocument(bytes, (start, end) => {
      try {
        checkDocument(bytes, start, end);
      } catch (error) {
        if (error instanceof BsonError) throw this.#invalid(namespace, offset + error.offset, error.message);
        throw error;
      }
    });
    open.crc.update(bytes);
    open.documents += count;
    open.bytes += length;
    return { kind: 'documents', namespace, offset, bytes, count };
  }

  #leave(namespace: string, open: OpenNamespace, header: BlockHeader, at: number): ArchiveNamespaceEnd {
    const crc = open.crc.value();
    if (crc !== header.crc) {
      throw this.#invalid(namespace, at, `its CRC is ${crcText(crc)}, the archive says ${crcText(header.crc)}`);
    }
    this.#open.delete(namespace);
    this.#closed.add(namespace);
    return { kind: 'end', namespace, crc, documents: open.documents, bytes: open.bytes };
  }

  #checkComplete(): void {
    const [unfinished] = this.#open.keys();
    const at = this.#cursor.offset;
    if (unfinished !== undefined) throw this.#invalid(unfinished, at, 'the archive ends before it does');
    for (const entry of this.entries) {
      const namespace = namespaceOf(entry);
      if (this.#closed.has(namespace) || namespace === OPLOG_NAMESPACE) continue;
      if (entry.type === 'timeseries' && this.#closed.has(`${entry.db}.system.buckets.${entry.collection}`)) continue;
      throw this.#invalid(namespace, at, 'the prelude announces it and the archive does not hold it');
    }
  }

  async close(): Promise<void> {
    await this.#cursor.close();
    await this.#source.close();
  }
}
