import { randomBytes } from 'node:crypto';

/** A secret that is found again wherever it turns up, written as it is or encoded. */
export interface Sentinel {
  readonly name: string;
  readonly value: string;
}

/** With characters that a URI must encode and JSON must not garble. */
export const sentinel = (name: string, odd = ''): Sentinel => ({
  name,
  value: `${randomBytes(9).toString('hex')}${odd}`,
});

const writtenAs = ({ value }: Sentinel): readonly string[] => {
  // What base64 makes of the middle of it, wherever it starts.
  const inside = [0, 1, 2].map((offset) =>
    Buffer.from(`${'x'.repeat(offset)}${value}`)
      .toString('base64')
      .slice(4, -8),
  );
  return [value, encodeURIComponent(value), ...inside];
};

/** Names of the sentinels that are in a text. */
export const foundIn = (text: string, sentinels: readonly Sentinel[]): readonly string[] =>
  sentinels.filter((each) => writtenAs(each).some((form) => text.includes(form))).map(({ name }) => name);
