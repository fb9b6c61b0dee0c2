import { refusal, shown } from './refusal.ts';

/** More than anything that a key can be allowed; a client may send some 100 kB. */
const LONGEST = 4_096;

/** What stands for itself outside of quotes. Nothing here means something to a shell, were there one. */
const PLAIN = /[A-Za-z0-9_./:@%+=,-]+/y;
/** Printable ASCII without an end before its end: POSIX has no escapes in single quotes. */
const QUOTED = /'([\x20-\x26\x28-\x7e]*)'/y;
/** How a word in single quotes gets an apostrophe: 'it'\''s'. */
const APOSTROPHE = /\\(')/y;
const SPACES = / +/y;

const PIECES = [PLAIN, QUOTED, APOSTROPHE] as const;

/**
 * Splits a command into words, as a shell would split these few characters: plain ones, spaces between words, single quotes, and
 * `\'`. Anything else is refused, wherever it stands; nothing is expanded.
 */
export const splitWords = (command: string): readonly string[] => {
  if (command.length > LONGEST) throw refusal(`a command of ${command.length} characters; ${LONGEST} are the most`);
  const words: string[] = [];
  let word: string | null = null;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(command);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < command.length) {
    if (take(SPACES) !== null) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    const piece = PIECES.reduce<RegExpExecArray | null>((found, pattern) => found ?? take(pattern), null);
    if (piece === null) {
      const character = String.fromCodePoint(command.codePointAt(at) ?? 0);
      const why =
        character === "'" ? 'a quote that is not closed, or with more than printable ASCII in it' : 'not allowed';
      throw refusal(`${shown(character)}, character ${at + 1} of the command, is ${why}`);
    }
    word = `${word ?? ''}${piece[1] ?? piece[0]}`;
  }
  if (word !== null) words.push(word);
  return words;
};
