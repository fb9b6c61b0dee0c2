import { access } from 'node:fs/promises';
import { type CommandRunner, lastLine } from '../command.ts';
import { SshFailure } from './failure.ts';
import { keyType } from './public-key.ts';

/** A line of a known_hosts file: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
export interface KnownKey {
  readonly file: string;
  readonly line: number;
  readonly marker: 'revoked' | 'authority' | null;
  readonly type: string;
  /** Base64. */
  readonly key: string;
}

export type Verdict =
  | { readonly is: 'known' }
  /** `authority`: a line that would stand for it, if certificates were understood. */
  | { readonly is: 'unknown'; readonly authority: KnownKey | null }
  | { readonly is: 'changed'; readonly old: KnownKey }
  | { readonly is: 'revoked'; readonly by: KnownKey };

export interface KnownHost {
  /** Types of the keys that are known of it, to ask the server for one of these. */
  readonly types: readonly string[];
  judge(key: Buffer): Verdict;
}

const FOUND = /^# Host .* found: line (\d+) ?(REVOKED|CA)?\s*$/;

/** What `ssh-keygen -F` printed: for each line that fits, one that says where it stands, and the line itself. */
export const parseFound = (text: string, file: string): readonly KnownKey[] => {
  const lines = text.split('\n');
  return lines.flatMap((header, index): readonly KnownKey[] => {
    const [, line, mark] = FOUND.exec(header) ?? [];
    if (line === undefined) return [];
    const words = (lines[index + 1] ?? '').trim().split(/\s+/);
    if (words[0]?.startsWith('@')) words.shift();
    const [, type = '', key = ''] = words;
    if (key === '') return [];
    const marker = mark === 'REVOKED' ? 'revoked' : mark === 'CA' ? 'authority' : null;
    return [{ file, line: Number(line), marker, type, key }];
  });
};

/** What these lines mean for a key that a host shows. A host of which another key is known has changed, whatever the types. */
export const knownHostOf = (lines: readonly KnownKey[]): KnownHost => {
  const plain = lines.filter(({ marker }) => marker === null);
  return {
    types: [...new Set(plain.map(({ type }) => type))],
    judge(key) {
      const encoded = key.toString('base64');
      const by = lines.find((each) => each.marker === 'revoked' && each.key === encoded);
      if (by !== undefined) return { is: 'revoked', by };
      if (plain.some((each) => each.key === encoded)) return { is: 'known' };
      const [first] = plain;
      const old = plain.find(({ type }) => type === keyType(key)) ?? first;
      if (old !== undefined) return { is: 'changed', old };
      return { is: 'unknown', authority: lines.find(({ marker }) => marker === 'authority') ?? null };
    },
  };
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A file of known hosts is read at once; a home on a network that is gone must not hold everything up. */
const LOOK_UP_MS = 30_000;

/**
 * Asks `ssh-keygen -F`, which knows hashed names, patterns and markers, what is known of a host.
 * @param name as `knownName` has it
 * @throws SshFailure where it can't be asked; the signal's reason
 */
export const findKnownHost = async (
  name: string,
  files: readonly string[],
  { commands, signal }: { readonly commands: CommandRunner; readonly signal: AbortSignal },
): Promise<KnownHost> => {
  const found = await Promise.all(
    files.map(async (file) => {
      if (!(await exists(file))) return [];
      const result = await commands.run(['ssh-keygen', '-F', name, '-f', file], { timeoutMs: LOOK_UP_MS, signal });
      if (result.exitCode === 0) return parseFound(result.stdout, file);
      // 1, and not a word: it is not in there.
      if (result.exitCode === 1 && result.stderr.trim() === '') return [];
      throw new SshFailure('refused', `${file} can't be searched for ${name}: ${lastLine(result)}`, {
        hint: result.exitCode === 127 ? 'sudo apt-get install openssh-client' : `ssh-keygen -F '${name}' -f ${file}`,
      });
    }),
  );
  return knownHostOf(found.flat());
};
