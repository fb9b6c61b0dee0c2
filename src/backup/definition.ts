import { toExtendedJson } from './archive/extended-json.ts';
import type { Definition } from './archive/format.ts';
import { isDocument, numberOf, type OrderedDocument, type OrderedValue } from './archive/ordered-document.ts';
import { type DocumentDigest, OrderedDigest, UnorderedDigest } from './document-digest.ts';

/**
 * A value as text such that equal meaning gives equal text: 1, 1.0 and NumberLong(1) are the same option. The order of
 * fields stays, since it means something in keys, pipelines and validators.
 */
export const canonicalText = (value: OrderedValue): string => {
  const number = numberOf(value);
  if (number !== null && Number.isSafeInteger(number)) return `#${number}`;
  if (isDocument(value)) {
    return `{${[...value].map(([name, inner]) => `${JSON.stringify(name)}:${canonicalText(inner)}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  return toExtendedJson(value);
};

/** The top level of options and of index specifications has no order. */
const sortedText = (document: OrderedDocument): string => {
  const names = [...document.keys()].sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(document.get(name) as OrderedValue)}`).join(',')}}`;
};

/** What servers say of an index that is no part of it: where it lives, and how it was once built. */
const INCIDENTAL = ['ns', 'background'];

const meaningful = (index: OrderedDocument): OrderedDocument =>
  new Map([...index].filter(([name]) => !INCIDENTAL.includes(name)));

export const indexName = (index: OrderedDocument): string => String(index.get('name'));

/** The index every collection gets by itself, or the one a clustered collection is. */
export const isImplied = (index: OrderedDocument): boolean =>
  indexName(index) === '_id_' || index.get('clustered') === true;

export const isCapped = (options: OrderedDocument): boolean => options.get('capped') === true;

/** Options and indexes as one text, equal when they mean the same. */
export const definitionText = ({ options, indexes }: Definition): string => {
  const sorted = [...indexes].map((index) => sortedText(meaningful(index))).sort();
  return `${sortedText(options)}[${sorted.join(',')}]`;
};

export const digestFor = (options: OrderedDocument): DocumentDigest =>
  isCapped(options) ? new OrderedDigest() : new UnorderedDigest();

export interface Difference {
  /** `option validator`, `index email_1`. */
  readonly what: string;
  readonly asked: string;
  /** What the server has instead; null: nothing. */
  readonly found: string | null;
}

const compareDocuments = (
  what: (name: string) => string,
  asked: OrderedDocument,
  found: OrderedDocument,
): Difference[] =>
  [...asked].flatMap(([name, value]) => {
    const text = canonicalText(value);
    const other = found.get(name);
    const otherText = other === undefined ? null : canonicalText(other);
    return text === otherText ? [] : [{ what: what(name), asked: text, found: otherText }];
  });

/**
 * What a server has, against what it was asked for. Everything asked must be there; defaults that a server adds by itself
 * to options or to an index are not a difference, an index nobody asked for is.
 */
export const compareDefinitions = (asked: Definition, found: Definition): readonly Difference[] => {
  const foundIndexes = new Map(found.indexes.map((index) => [indexName(index), index]));
  const askedNames = new Set(asked.indexes.map(indexName));
  return [
    ...compareDocuments((name) => `option ${name}`, asked.options, found.options),
    ...asked.indexes.flatMap((index): Difference[] => {
      const name = indexName(index);
      const other = foundIndexes.get(name);
      if (other === undefined) return [{ what: `index ${name}`, asked: canonicalText(index), found: null }];
      return compareDocuments((field) => `index ${name}: ${field}`, meaningful(index), other);
    }),
    ...found.indexes.flatMap((index): Difference[] =>
      askedNames.has(indexName(index)) || isImplied(index)
        ? []
        : [{ what: `index ${indexName(index)}`, asked: 'none', found: canonicalText(index) }],
    ),
  ];
};

export const describeDifference = ({ what, asked, found }: Difference): string =>
  found === null ? `${what} did not take (asked for ${asked})` : `${what} is ${found}, not ${asked}`;
