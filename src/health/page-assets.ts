/** What an HTML page names as parts of itself, found by a forgiving scan: enough for built pages, not a browser. */
export interface PageAssets {
  /** On the page's own origin; absolute, without fragment, each once, in the page's order. */
  readonly own: readonly URL[];
  /** How many are on other origins. */
  readonly elsewhere: number;
}

/** `src` of script and img; `href` of link with rel stylesheet, icon, modulepreload or preload. `<base href>` counts. */
export const pageAssets = (html: string, page: URL): PageAssets => {
  const tags = tagsOf(html);
  const base = urlOf(tags.find(({ name }) => name === 'base')?.attributes.get('href'), page) ?? page;
  const named = new Map<string, URL>();
  for (const tag of tags) {
    const url = urlOf(referenceOf(tag), base);
    if (url === null || !/^https?:$/.test(url.protocol)) continue;
    url.hash = '';
    named.set(url.href, url);
  }
  const own = [...named.values()].filter(({ origin }) => origin === page.origin);
  return { own, elsewhere: named.size - own.length };
};

interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** What stands between these tags and their ends is text, whatever it looks like. */
const TEXT_UNTIL: Readonly<Record<string, RegExp>> = {
  script: /<\/script[\s/>]/gi,
  style: /<\/style[\s/>]/gi,
  textarea: /<\/textarea[\s/>]/gi,
  title: /<\/title[\s/>]/gi,
  template: /<\/template[\s/>]/gi,
};

/** Start tags outside comments, in one pass without going back: a page may be large, and odd on purpose. */
const tagsOf = (html: string): readonly Tag[] => {
  const tags: Tag[] = [];
  for (let at = html.indexOf('<'); at !== -1; at = html.indexOf('<', at)) {
    if (html.startsWith('<!--', at)) {
      at = endOf(html, html.indexOf('-->', at + 4));
      continue;
    }
    const name = matchAt(/<([a-z][a-z0-9-]*)/iy, html, at)?.[1]?.toLowerCase();
    if (name === undefined) {
      at += 1;
      continue;
    }
    const { attributes, end } = attributesAt(html, at + 1 + name.length);
    tags.push({ name, attributes });
    const closing = Object.hasOwn(TEXT_UNTIL, name) ? TEXT_UNTIL[name] : undefined;
    at = closing === undefined ? end : endOf(html, matchAt(closing, html, end)?.index ?? -1);
  }
  return tags;
};

/** What was never closed reaches to the end of the page. */
const endOf = (html: string, at: number): number => (at === -1 ? html.length : at);

/** Group 1 is the name; 2, 3 and 4 the value in double quotes, in single ones, in none. */
const ATTRIBUTE = /(=?[^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)|(?=>)))?/y;

const attributesAt = (html: string, start: number): { attributes: ReadonlyMap<string, string>; end: number } => {
  const attributes = new Map<string, string>();
  for (let at = start; ; ) {
    at += matchAt(/[\s/]*/y, html, at)?.[0].length ?? 0;
    if (at >= html.length || html[at] === '>') return { attributes, end: at };
    const [whole = '', name = '', double, single, bare] = matchAt(ATTRIBUTE, html, at) ?? [];
    const key = name.toLowerCase();
    // The first of two attributes with one name counts, as in browsers.
    if (!attributes.has(key)) attributes.set(key, decodeEntities(double ?? single ?? bare ?? ''));
    at += Math.max(1, whole.length);
  }
};

/** A sticky or global pattern, tried from `at`. */
const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

const LINKED = new Set(['stylesheet', 'icon', 'modulepreload', 'preload']);

const referenceOf = ({ name, attributes }: Tag): string | undefined => {
  if (name === 'script' || name === 'img') return attributes.get('src');
  const rel = attributes.get('rel')?.toLowerCase().split(/\s+/) ?? [];
  return name === 'link' && rel.some((token) => LINKED.has(token)) ? attributes.get('href') : undefined;
};

const urlOf = (reference: string | undefined, base: URL): URL | null => {
  const text = reference?.trim() ?? '';
  return text !== '' && URL.canParse(text, base.href) ? new URL(text, base) : null;
};

/** Those that a URL in an attribute needs. */
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', quot: '"', apos: "'", lt: '<', gt: '>' };

const decodeEntities = (text: string): string =>
  text.replace(/&(?:#(\d{1,6})|#x([\da-f]{1,5})|(amp|quot|apos|lt|gt));/gi, (_whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? '';
    return String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal === undefined ? 16 : 10));
  });
