/** A damaged file, and what was done to it. */
export interface Corruption {
  readonly what: string;
  readonly bytes: Buffer;
}

type Random = () => number;
type Damage = (bytes: Buffer, random: Random, other: Buffer) => Corruption;

/** What disks lose, repeat and mix up. */
const SECTORS = [512, 4096] as const;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const between = (random: Random, from: number, to: number): number => from + below(random, to - from + 1);

/** A stretch somewhere in the file, mostly a short one. */
const stretch = (bytes: Buffer, random: Random): readonly [from: number, to: number] => {
  const from = below(random, bytes.length);
  const longest = random() < 0.5 ? 16 : bytes.length - from;
  return [from, from + between(random, 1, Math.min(longest, bytes.length - from))];
};

const flip: Damage = (bytes, random) => {
  const copy = Buffer.from(bytes);
  const bits = Array.from({ length: between(random, 1, 8) }, () => below(random, bytes.length * 8));
  for (const bit of bits) copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return { what: `bits ${bits.join(', ')} flipped`, bytes: copy };
};

const cutOff: Damage = (bytes, random) => {
  const length = below(random, bytes.length);
  return { what: `cut off after ${length} bytes`, bytes: Buffer.from(bytes.subarray(0, length)) };
};

const cutOut: Damage = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return {
    what: `without bytes ${from} to ${to}`,
    bytes: Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]),
  };
};

const duplicate: Damage = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return {
    what: `bytes ${from} to ${to} twice`,
    bytes: Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]),
  };
};

const insert: Damage = (bytes, random, other) => {
  const [from, to] = stretch(other, random);
  const at = below(random, bytes.length + 1);
  return {
    what: `bytes ${from} to ${to} of another file put in at ${at}`,
    bytes: Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(at)]),
  };
};

const splice: Damage = (bytes, random, other) => {
  const at = below(random, Math.min(bytes.length, other.length));
  return {
    what: `its first ${at} bytes, then another file's`,
    bytes: Buffer.concat([bytes.subarray(0, at), other.subarray(at)]),
  };
};

const zeros: Damage = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return { what: `zeros from ${from} to ${to}`, bytes: Buffer.from(bytes).fill(0, from, to) };
};

const swapSectors: Damage = (bytes, random) => {
  const size = SECTORS[below(random, SECTORS.length)] as number;
  const sectors = Math.max(1, Math.floor(bytes.length / size));
  const [a, b] = [below(random, sectors) * size, below(random, sectors) * size];
  const copy = Buffer.from(bytes);
  bytes.copy(copy, a, b, b + size);
  bytes.copy(copy, b, a, a + size);
  return { what: `sectors of ${size} bytes at ${a} and ${b} swapped`, bytes: copy };
};

const DAMAGES: readonly Damage[] = [flip, flip, cutOff, cutOut, duplicate, insert, splice, zeros, swapSectors];

/** Damages the file in one way, drawn by chance; what it gives is neither the file nor `other`, from which wrong bytes are taken. */
export const corrupt = (bytes: Buffer, other: Buffer, random: Random): Corruption => {
  for (;;) {
    const damage = DAMAGES[below(random, DAMAGES.length)] as Damage;
    const corruption = damage(bytes, random, other);
    if (!corruption.bytes.equals(bytes) && !corruption.bytes.equals(other)) return corruption;
  }
};
