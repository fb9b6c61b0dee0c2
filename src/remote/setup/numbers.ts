/** `20.10.24+dfsg1-1` as [20, 10, 24]; null for what has no two numbers in front. An epoch (`5:24.0.7`) and a `v` are left out. */
export const numbersIn = (text: string): readonly number[] | null => {
  const numbers = /^(?:\d{1,4}:)?v?(\d{1,6}(?:\.\d{1,6}){1,3})/.exec(text.trim())?.[1];
  return numbers === undefined ? null : numbers.split('.').map(Number);
};

/** Negative: `one` is the older of the two. */
const compare = (one: readonly number[], other: readonly number[]): number => {
  const at = [0, 1, 2, 3].find((index) => (one[index] ?? 0) !== (other[index] ?? 0));
  return at === undefined ? 0 : (one[at] ?? 0) - (other[at] ?? 0);
};

/** False for what is no version. */
export const isAtLeast = (text: string | undefined, least: string): boolean => {
  const [found, wanted] = [numbersIn(text ?? ''), numbersIn(least)];
  return found !== null && wanted !== null && compare(found, wanted) >= 0;
};

/** Of two versions of this tool; a pre-release counts as its release. */
export const isNewer = (one: string, other: string): boolean => isAtLeast(one, other) && !isAtLeast(other, one);
