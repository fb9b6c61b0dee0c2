/** A file at a place. */
export interface StoredFile {
  readonly name: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** What an upload that did not end left behind: `name` is what it was to be called. */
export interface Leftover {
  readonly name: string;
  readonly since: Date;
}

/** What is uploaded. Read more than once when a connection is lost. */
export interface Source {
  readonly bytes: number;
  /** Of the whole, hex. */
  readonly sha256: string;
  /** At most `to - from` bytes, in pieces of any size. */
  read(from: number, to?: number): AsyncIterable<Buffer>;
}

/**
 * A folder somewhere else. Every method tries again when the connection is lost, gives up at a deadline, and rejects with a
 * PlaceFailure or the signal's reason. Names have no slash in them.
 */
export interface CopyStore {
  /** For people: the place's URL. */
  readonly url: string;
  /** Files that lie in it and have been uploaded whole; nothing of folders, links and hidden files. */
  list(): Promise<readonly StoredFile[]>;
  /**
   * Uploads under a name that it gets last of all, once its digest has been compared there; what has that name is replaced. `onBytes`: bytes that are there.
   */
  put(name: string, source: Source, onBytes: (bytes: number) => void): Promise<void>;
  /** Whether the file of that name has this content. What is not there has not. */
  holds(name: string, source: Source): Promise<boolean>;
  /** The content of a file that was listed with so many bytes: exactly as many, or a failure. */
  get(name: string, bytes: number): AsyncIterable<Buffer>;
  /** What is not there is not an error. */
  remove(name: string): Promise<void>;
  /** Removes leftovers of uploads that `isStale` says are nobody's any more. */
  sweep(isStale: (leftover: Leftover) => boolean): Promise<void>;
  /** Safe to call twice. */
  close(): void;
}
