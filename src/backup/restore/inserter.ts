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

/** How many messages of a restore may be under way at once, whichever collections they are for: what each of them takes in memory adds up. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(free: number) {
    this.#free = free;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** Collects runs into messages of a good size, and has some under way while the next is read. */
export class Inserter {
  readonly #database: Database;
  readonly #target: InsertTarget;
  readonly #slots: Slots;
  /** Whether a message waits for the one before it: where the order of documents is part of what they say. */
  readonly #inOrder: boolean;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;
  #parts: DocumentRun[] = [];
  #bytes = 0;
  #count = 0;

  constructor(database: Database, target: InsertTarget, how: { readonly slots: Slots; readonly inOrder: boolean }) {
    this.#database = database;
    this.#target = target;
    this.#slots = how.slots;
    this.#inOrder = how.inOrder;
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

  /** Sends what is collected once there is a slot for it. Throws what an earlier message met. */
  async flush(): Promise<void> {
    if (this.#inOrder) await this.settle();
    await this.#slots.take();
    if (this.#failure !== null || this.#count === 0) {
      this.#slots.give();
      if (this.#failure !== null) throw this.#failure.error;
      return;
    }
    const bytes = Buffer.concat(this.#parts.map((part) => part.bytes));
    const run = { bytes, count: this.#count };
    this.#parts = [];
    this.#bytes = 0;
    this.#count = 0;
    const sent = insertRaw(this.#database, this.#target, run)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#slots.give();
        this.#underWay.delete(sent);
      });
    this.#underWay.add(sent);
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.settle();
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Waits for what is under way, whatever comes of it. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
