import { DeployError } from '../errors.ts';

export interface AgeLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** The entries of a file of recipients or identities, as age reads it: one on each line; empty lines and `#` comments are none. */
export const ageLines = (content: string): readonly AgeLine[] =>
  content
    .split('\n')
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));

/** Whether a text holds an age identity, or something like one: it must never be shown. */
export const holdsSecretKey = (text: string): boolean => /AGE-(?:SECRET-KEY|PLUGIN)-/i.test(text);

/** X25519, the kind that `age-keygen` makes: 32 bytes in bech32. */
const RECIPIENT = /^age1[ac-hj-np-z02-9]{58}$/;

const kindOf = (text: string): string | null => {
  if (text.startsWith('ssh-')) return 'an SSH key';
  if (text.startsWith('age1pq1') || text.startsWith('age1tagpq1')) return 'a post-quantum recipient';
  return /^age1[a-z]+1/.test(text) ? "a plugin's recipient" : null;
};

/**
 * Gives the recipient back when it is one that backups can be encrypted to. `where` names the place it stands at.
 * @throws DeployError 'config-invalid'; 'config-unsafe' for a secret key, which is not shown
 */
export const checkRecipient = async (text: string, where: string): Promise<string> => {
  if (holdsSecretKey(text)) {
    throw new DeployError('config-unsafe', `${where} is a secret key (an identity), not a recipient`, {
      hint: '`age-keygen -y FILE` prints the recipient of an identity; take the secret key out, and make a new one if others could read it here',
    });
  }
  const kind = kindOf(text);
  const refuse = (problem: string): never => {
    throw new DeployError('config-invalid', `${where}: ${problem}`, {
      hint: '`age-keygen -o key.txt` makes an identity and prints its recipient, age1 and 58 letters and digits: no other kind is supported',
    });
  };
  if (kind !== null) return refuse(`'${text.slice(0, 30)}...' is ${kind}, which is not supported`);
  if (!RECIPIENT.test(text)) return refuse(`'${text.slice(0, 100)}' is no age recipient`);
  const { bech32 } = await import('@scure/base');
  if (bech32.decodeUnsafe(text) === undefined) {
    return refuse(`'${text}' is no age recipient: its checksum is wrong, so a character of it is`);
  }
  return text;
};
