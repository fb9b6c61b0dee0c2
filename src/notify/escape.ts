/** What one character becomes where it would be markup; others stay. */
type Escape = (character: string) => string;

/** https://docs.slack.dev/messaging/formatting-message-text: these three make links and mentions. */
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Also for HTML between tags, as Telegram reads it. */
export const entities: Escape = (character) => ENTITIES[character] ?? character;

/** Discord's Markdown: a backslash before any punctuation makes it plain, that of a bare URL too. */
export const backslashes: Escape = (character) => (/[!-/:-@[-`{-~]/.test(character) ? `\\${character}` : character);

export const asItIs: Escape = (character) => character;

/** The text escaped, cut where it would become longer than `longest` UTF-16 units: never within an escape. */
export const escaped = (text: string, rule: Escape, longest: number): string => {
  let result = '';
  for (const character of text) {
    const next = rule(character);
    if (result.length + next.length > longest - 1) return `${result}…`;
    result += next;
  }
  return result;
};
