import { InvalidArgumentError } from 'commander';

/** A whole number from `least` up. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number, ${least} or more.`);
    }
    return value;
  };

/** Collects a repeatable option. */
export const repeated = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

export type ImageTags = Readonly<Record<string, string>>;

/** Collects `--image VAR=tag`. The tag's own grammar is checked later, with the others. */
export const imageTag = (text: string, before: ImageTags = {}): ImageTags => {
  const at = text.indexOf('=');
  const variable = text.slice(0, Math.max(0, at));
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable) || at === text.length - 1) {
    throw new InvalidArgumentError('Expected VARIABLE=tag, such as KALEEM_API_IMAGE=v0.0.2.');
  }
  const tag = text.slice(at + 1);
  if (Object.hasOwn(before, variable) && before[variable] !== tag) {
    throw new InvalidArgumentError(`${variable} is already given the tag ${before[variable]}.`);
  }
  return { ...before, [variable]: tag };
};
