import { nearest } from '../config/nearest.ts';
import { DeployError } from '../errors.ts';

/**
 * `kaleem-deploy <tag>` deploys, so a mistyped verb would be deployed as a tag: 'usage' when the word is close to a verb
 * and nothing in it says version. `deploy <tag>` is the way around.
 */
export const assertNotMistyped = (word: string, verbs: readonly string[]): void => {
  if (/[\d.]/.test(word)) return;
  const verb = nearest(word, verbs);
  // `nearest` takes beginnings too, but `main` is a branch, not maintenance.
  if (verb === null || Math.abs(word.length - verb.length) > 2) return;
  throw new DeployError('usage', `unknown verb "${word}"; did you mean "${verb}"?`, {
    hint: `kaleem-deploy ${verb}, or, when ${word} is a tag: kaleem-deploy deploy ${word}`,
  });
};
