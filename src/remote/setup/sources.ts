/** An entry for apt: which file it goes into, and what stands in it. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** The suite after one whose own Docker is too old. */
const NEXT: ReadonlyMap<string, string> = new Map([['bookworm', 'trixie']]);

export const suiteAfter = (codename: string): string | null => NEXT.get(codename) ?? null;

type Stanza = ReadonlyMap<string, string>;

/** Stanzas of deb822(5): fields, whose values go on in lines that begin with a space; `#` begins a comment's line. */
const stanzasIn = (text: string): readonly Stanza[] =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/)
    .map(
      (block) =>
        new Map(
          block.split(/\n(?=\S)/).flatMap((field): [string, string][] => {
            const [, name, value] = /^([A-Za-z-]+):([\s\S]*)$/.exec(field.trimStart()) ?? [];
            return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value.trimEnd()]];
          }),
        ),
    );

const wordsOf = (value = ''): readonly string[] => value.trim().split(/\s+/);

const fromStanza = (stanza: Stanza, next: string): string => {
  const kept = ['URIs', 'Signed-By'].flatMap((name) => {
    const value = stanza.get(name.toLowerCase());
    return value === undefined ? [] : [`${name}:${value}`];
  });
  return ['Types: deb', ...kept, `Suites: ${next}`, 'Components: main', ''].join('\n');
};

/** `deb [OPTIONS] URI SUITE COMPONENT...` (sources.list(5)). */
const LINE = /^deb\s+(?<options>\[[^\]]*\]\s+)?(?<uri>\S+)\s+(?<suite>\S+)\s+\S/;

/**
 * The machine's own first entry for its suite, for the next one. `sources` and `list` are what all of its files say, in apt's two
 * formats. Null: it has none that could be copied.
 */
export const sourceOfNext = (
  { sources, list }: { readonly sources: string; readonly list: string },
  codename: string,
  next: string,
): Source | null => {
  const file = (ending: string): string => `/etc/apt/sources.list.d/kaleem-deploy-${next}.${ending}`;
  const stanza = stanzasIn(sources).find(
    (each) =>
      wordsOf(each.get('types')).includes('deb') &&
      wordsOf(each.get('suites')).includes(codename) &&
      each.has('uris') &&
      wordsOf(each.get('enabled'))[0] !== 'no',
  );
  if (stanza !== undefined) return { file: file('sources'), text: fromStanza(stanza, next) };
  for (const line of list.split('\n')) {
    const { options = '', uri, suite } = LINE.exec(line)?.groups ?? {};
    if (uri !== undefined && suite === codename) {
      return { file: file('list'), text: `deb ${options.trim()}${options === '' ? '' : ' '}${uri} ${next} main\n` };
    }
  }
  return null;
};

/** What is installed from there stays up to date; nothing else comes from there by itself (apt_preferences(5)). */
export const pinOf = (next: string): Source => ({
  file: `/etc/apt/preferences.d/kaleem-deploy-${next}`,
  text: `Package: *\nPin: release n=${next}\nPin-Priority: 100\n`,
});
