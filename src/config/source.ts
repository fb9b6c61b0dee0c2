import { relative } from 'node:path';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { DeployError, messageOf } from '../errors.ts';
import { assertOnlyOwnerWrites } from '../system/permissions.ts';
import { readText } from './read-text.ts';

/** Where a value stands in the file: `['gates', 'after', 0, 'http']`. */
export type Path = readonly (string | number)[];

export type YamlMap = Readonly<Record<string, unknown>>;

/** Configuration files, merged, that still know where everything stands. */
export interface Source {
  readonly data: YamlMap;
  /** Absolute, in the order they were read. */
  readonly files: readonly string[];
  /** `kaleem-deploy.yml:12`: the line of a value, or of the nearest thing around it; the overlay's where it has one. */
  at(path: Path): string;
}

interface Parsed {
  readonly shown: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

export const isYamlMap = (value: unknown): value is YamlMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Absolute paths are long and people know where they are. */
export const shownPath = (path: string, cwd: string): string => {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
};

const parse = (text: string, shown: string): Parsed => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, version: '1.2' });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    const duplicate = problem.code === 'DUPLICATE_KEY';
    const key = /^[^:\s]*/.exec(text.slice(problem.pos[0]))?.[0] ?? '';
    const message = duplicate ? `the key '${key}' stands there twice` : problem.message.split('\n')[0];
    throw new DeployError('config-invalid', `${shown}:${line}: ${message}`, {
      hint: duplicate ? 'keep one of them' : 'look at the indentation, the quotes and the colons of this line',
    });
  }
  return { shown, document, lines };
};

const toData = ({ document, shown }: Parsed): YamlMap => {
  let data: unknown;
  try {
    data = document.toJS() ?? {};
  } catch (error) {
    throw new DeployError('config-invalid', `${shown}:1: ${messageOf(error)}`);
  }
  if (isYamlMap(data)) return data;
  throw new DeployError('config-invalid', `${shown}:1: must be a map of keys, such as \`app: kaleem\``);
};

/** Maps are merged key by key; everything else of the overlay replaces what was there, lists too. */
const merge = (base: YamlMap, overlay: YamlMap): YamlMap =>
  Object.fromEntries([
    ...Object.entries(base),
    ...Object.entries(overlay).map(([key, value]) => {
      const below = Object.hasOwn(base, key) ? base[key] : undefined;
      return [key, isYamlMap(below) && isYamlMap(value) ? merge(below, value) : value];
    }),
  ]);

/** How much of a path a document has, and the offset of the last thing found on it. */
const locate = (document: Document, path: Path): { depth: number; offset: number } => {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  let depth = 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step] as Node | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
    depth += 1;
  }
  return { depth, offset };
};

/**
 * Reads configuration files, later ones over earlier ones.
 * @param cwd what paths in messages are relative to
 * @throws DeployError 'config-invalid' (not YAML, duplicate keys, not a map), 'config-unsafe' (others can write one)
 */
export const readSource = async (files: readonly string[], cwd: string): Promise<Source> => {
  const parsed: Parsed[] = [];
  for (const path of files) {
    const shown = shownPath(path, cwd);
    const text = await readText(path, { code: 'config-invalid', shown });
    await assertOnlyOwnerWrites(path, shown);
    parsed.push(parse(text.replace(/^\uFEFF/, ''), shown));
  }
  return {
    data: parsed.map(toData).reduce(merge, {}),
    files,
    at(path) {
      const found = parsed.map((each) => ({ each, ...locate(each.document, path) }));
      const best = found.reduce((a, b) => (b.depth >= a.depth ? b : a));
      return `${best.each.shown}:${best.each.lines.linePos(best.offset).line}`;
    },
  };
};
