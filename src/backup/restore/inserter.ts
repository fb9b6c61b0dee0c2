import { type DocumentRun, eachDocument } from '../archive/bson.ts';
import type { Database } from '../connection.ts';
import { BATCH_BYTES, BATCH_DOCUMENTS, type InsertTarget, insertRaw } from '../raw-insert.ts';

/** Cuts a run where a message would get too large; a run itself may be as large as a chunk of the archive. */
function* batches(run: DocumentRun): Generator<DocumentRun> {
  let start = 0;
  let count = 0;
  const ends: number[] = [];
  eachDocument(run.bytes, (_, end) => ends.push(end));
  for (const [index, end] of ends.entries()) {
    count++;
    const next = ends[index + 1];
    if (next !== undefined && next - start <= BATCH_BYTES && count < BATCH_DOCUMENTS) continue;
    yield { bytes: run.bytes.subarray(start, end), count };
    start = end;
    count = 0;
  }
}

/** Collects runs into messages of a good size, and has one under way while the next is read. */
export class Inserter {
  readonly #database: Database;
  readonly #target: InsertTarget;
  #parts: DocumentRun[] = [];
  #bytes = 0;
  #count = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(database: Database, target: InsertTarget) {
    this.#database = database;
    this.#target = target;
  }

  async add(run: DocumentRun): Promise<void> {
    for (const batch of batches(run)) {
      if (this.#bytes + batch.bytes.length > BATCH_BYTES || this.#count + batch.count > BATCH_DOCUMENTS)
        await this.flush();
      this.#parts.push(batch);
      this.#bytes += batch.bytes.length;
      this.#count += batch.count;
    }
  }

  /** Sends what is collected once the one before has been accepted. */
  async flush(): Promise<void> {
    await this.#underWay;
    if (this.#count === 0) return;
    const bytes = Buffer.concat(this.#parts.map((part) => part.bytes));
    const run = { bytes, count: this.#count };
    this.#parts = [];
    this.#bytes = 0;
    this.#count = 0;
    this.#underWay = insertRaw(this.#database, this.#target, run);
    this.#underWay.catch(() => {});
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.#underWay;
  }

  /** Waits for what is under way, whatever comes of it. */
  async settle(): Promise<void> {
    await this.#underWay.catch(() => {});
  }
}
