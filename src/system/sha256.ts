import { createHash } from 'node:crypto';

/** Hex, as all digests here. */
export const sha256Of = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Of what a stream gives, read to its end. */
export const sha256OfStream = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
  const digest = createHash('sha256');
  for await (const piece of pieces) digest.update(piece);
  return digest.digest('hex');
};
