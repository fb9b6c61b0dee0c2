import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { DeployError } from '../../errors.ts';
import type { Source } from './store.ts';

const PIECE_BYTES = 256 * 1024;

export const sha256Of = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** A file of this host, with the length and digest that it shall have. */
export const fileSource = (path: string, { bytes, sha256 }: Pick<Source, 'bytes' | 'sha256'>): Source => ({
  bytes,
  sha256,
  read: (from, to = bytes) =>
    from >= to ? emptiness() : createReadStream(path, { start: from, end: to - 1, highWaterMark: PIECE_BYTES }),
});

async function* emptiness(): AsyncGenerator<Buffer> {}

export const textSource = (text: string): Source => {
  const content = Buffer.from(text);
  return {
    ...{ bytes: content.length, sha256: sha256Of(content) },
    async *read(from, to = content.length) {
      yield content.subarray(from, to);
    },
  };
};

export const damagedHere = (): DeployError =>
  new DeployError('backup-invalid', 'the archive on this host is not what its manifest says', {
    hint: 'kaleem-deploy backup verify --all',
  });

/** When what arrived is not what was meant: whether what was sent is to blame. 'backup-invalid' when it is. */
export const assertWhole = async (source: Source): Promise<void> => {
  const digest = createHash('sha256');
  for await (const piece of source.read(0)) digest.update(piece);
  if (digest.digest('hex') !== source.sha256) throw damagedHere();
};
