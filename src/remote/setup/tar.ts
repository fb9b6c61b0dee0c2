/** A file in an archive. */
export interface Entry {
  /** Relative, with slashes; at most 100 bytes. */
  readonly name: string;
  readonly content: Uint8Array;
  readonly executable: boolean;
}

const BLOCK = 512;

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

/** A header of POSIX.1-1988, ustar: names and numbers at fixed places, and a sum over all of them. */
const header = ({ name, content, executable }: Entry): Buffer => {
  if (Buffer.byteLength(name) > 100) throw new Error(`${name} is too long for an archive`);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(octal(executable ? 0o755 : 0o644, 8), 100);
  for (const at of [108, 116]) block.write(octal(0, 8), at);
  block.write(octal(content.length, 12), 124);
  // No time: the same files are the same archive.
  block.write(octal(0, 12), 136);
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
};

/** An archive that tar(1) unpacks. The same entries in the same order make the same bytes. */
export const tarOf = (entries: readonly Entry[]): Buffer =>
  Buffer.concat([
    ...entries.flatMap((entry) => [
      header(entry),
      entry.content,
      Buffer.alloc((BLOCK - (entry.content.length % BLOCK)) % BLOCK),
    ]),
    Buffer.alloc(2 * BLOCK),
  ]);
