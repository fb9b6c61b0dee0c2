import { createReadStream } from 'node:fs';
import { DeployError } from '../../errors.ts';
import { sha256Of, sha256OfStream } from '../../system/sha256.ts';
import type { Source } from './store.ts';

const PIECE_BYTES = 256 * 1024;

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
  if ((await sha256OfStream(source.read(0))) !== source.sha256) throw damagedHere();
};
