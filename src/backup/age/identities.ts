import { ageLines } from '../../config/age.ts';
import { readText } from '../../config/read-text.ts';
import { DeployError } from '../../errors.ts';
import { assertOnlyOwnerReads } from '../../system/permissions.ts';

const IDENTITY = /^AGE-SECRET-KEY-(?:PQ-)?1[AC-HJ-NP-Z02-9]+$/;

/** What stands in a line instead of an identity. The line itself is never shown: it may be most of a key. */
const problemOf = (line: string): string => {
  if (line.startsWith('age-encryption.org/') || line.startsWith('-----BEGIN AGE')) {
    return 'is protected by a passphrase, which nobody can type here';
  }
  if (line.startsWith('-----BEGIN')) return 'holds an SSH key, which is not supported';
  if (line.startsWith('AGE-PLUGIN-')) return "holds a plugin's identity, which is not supported";
  if (line.startsWith('age1')) return 'holds a recipient where an identity (AGE-SECRET-KEY-1...) must be';
  return 'holds something else than an identity (AGE-SECRET-KEY-1...)';
};

/**
 * The identities in a file as `age-keygen` writes it. 'config-invalid' when it can't be read or holds anything else,
 * 'config-unsafe' when somebody else can read it; no message shows a part of what is in it.
 */
export const readIdentities = async (path: string): Promise<readonly string[]> => {
  const shown = `the identity file ${path}`;
  const content = await readText(path, { code: 'config-invalid', shown });
  await assertOnlyOwnerReads(path, 'the identity that decrypts backups');
  const lines = ageLines(content);
  const { identityToRecipient } = await import('age-encryption');
  for (const { number, text } of lines) {
    const refuse = (problem: string): never => {
      throw new DeployError('config-invalid', `${shown} ${problem} (line ${number})`, {
        hint: '`age-keygen -o FILE` makes a file of the right form',
      });
    };
    if (!IDENTITY.test(text)) refuse(problemOf(text));
    // The library's own message would show it.
    await identityToRecipient(text).catch(() => refuse('holds an identity whose checksum is wrong'));
  }
  if (lines.length === 0) throw new DeployError('config-invalid', `${shown} holds no identity`);
  return lines.map(({ text }) => text);
};
