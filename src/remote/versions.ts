/** `same`; `near`: both understand what the other says; `far`: nobody has tried these two together. */
export type Distance = 'same' | 'near' | 'far';

const parts = (version: string): readonly string[] => version.split('+')[0]?.split('.') ?? [];

/** As Semantic Versioning has it: a new major version may break what was, and before 1.0 a new minor one. */
export const distance = (here: string, there: string): Distance => {
  if (here === there) return 'same';
  const [mine, other] = [parts(here), parts(there)];
  const sure = mine[0] === '0' ? 2 : 1;
  return mine.slice(0, sure).join('.') === other.slice(0, sure).join('.') ? 'near' : 'far';
};

/** The version in what `version --json` printed; null where there is none. A login may print other things before it. */
export const versionIn = (text: string): string | null =>
  /"version"\s*:\s*"(\d{1,6}(?:\.\d{1,6}){2}[0-9A-Za-z.+-]{0,60})"/.exec(text)?.[1] ?? null;
