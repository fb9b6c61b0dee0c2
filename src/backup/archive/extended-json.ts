import { BSON } from 'mongodb';
import { isDocument, type OrderedDocument, type OrderedValue } from './ordered-document.ts';

/** Canonical MongoDB Extended JSON v2, fields in order: how archives carry options and indexes. */
export const toExtendedJson = (value: OrderedValue): string => {
  if (isDocument(value)) {
    return `{${[...value].map(([name, inner]) => `${JSON.stringify(name)}:${toExtendedJson(inner)}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(toExtendedJson).join(',')}]`;
  return BSON.EJSON.stringify(value, { relaxed: false });
};

/** The wrappers of Extended JSON v2, by the exact set of their keys (so that a `$regex` operator stays an operator). */
const WRAPPERS: ReadonlySet<string> = new Set([
  '$oid',
  '$symbol',
  '$numberInt',
  '$numberLong',
  '$numberDouble',
  '$numberDecimal',
  '$binary',
  '$uuid',
  '$code',
  '$code,$scope',
  '$timestamp',
  '$regularExpression',
  '$dbPointer',
  '$date',
  '$minKey',
  '$maxKey',
  '$undefined',
]);

const DEEPEST = 200;
const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/y;

/** JSON.parse moves integer-like keys to the front; this reader keeps every key where it is. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): OrderedDocument {
    const value = this.#value(this.#next(), 0);
    if (!/^[ \t\r\n]*$/.test(this.#text.slice(this.#at))) throw new SyntaxError(`text follows at ${this.#at}`);
    if (!isDocument(value)) throw new SyntaxError('not a document');
    return value;
  }

  #next(): string {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null) throw new SyntaxError(`unexpected text at ${this.#at}`);
    this.#at = TOKEN.lastIndex;
    return match[0].trimStart();
  }

  #value(token: string, depth: number): OrderedValue {
    if (depth > DEEPEST) throw new SyntaxError(`nested deeper than ${DEEPEST} levels`);
    if (token === '{') return this.#object(depth);
    if (token === '[') return this.#array(depth);
    if (token === 'true' || token === 'false') return token === 'true';
    if (token === 'null') return null;
    if (token.startsWith('"')) return JSON.parse(token) as string;
    if (/^[-\d]/.test(token)) return numberValue(token);
    throw new SyntaxError(`unexpected ${token} at ${this.#at - 1}`);
  }

  #array(depth: number): OrderedValue {
    const values: OrderedValue[] = [];
    let token = this.#next();
    if (token === ']') return values;
    for (;;) {
      values.push(this.#value(token, depth + 1));
      const separator = this.#next();
      if (separator === ']') return values;
      if (separator !== ',') throw new SyntaxError(`expected , or ] at ${this.#at - 1}`);
      token = this.#next();
    }
  }

  #object(depth: number): OrderedValue {
    const start = this.#at - 1;
    const document = new Map<string, OrderedValue>();
    let token = this.#next();
    while (token !== '}') {
      if (!token.startsWith('"')) throw new SyntaxError(`expected a name at ${this.#at}`);
      const name = JSON.parse(token) as string;
      if (document.has(name)) throw new SyntaxError(`two fields are called ${token}`);
      if (this.#next() !== ':') throw new SyntaxError(`expected : at ${this.#at}`);
      document.set(name, this.#value(this.#next(), depth + 1));
      const separator = this.#next();
      if (separator === '}') break;
      if (separator !== ',') throw new SyntaxError(`expected , or } at ${this.#at - 1}`);
      token = this.#next();
      if (token === '}') throw new SyntaxError(`expected a name at ${this.#at}`);
    }
    const [first] = document.keys();
    if (first?.startsWith('$') && WRAPPERS.has([...document.keys()].sort().join())) {
      return BSON.EJSON.parse(this.#text.slice(start, this.#at), { relaxed: false }) as OrderedValue;
    }
    return document;
  }
}

/** Relaxed numbers: the smallest BSON type that holds them, as the specification of Extended JSON says. */
const numberValue = (token: string): OrderedValue => {
  const value = Number(token);
  if (/[.eE]/.test(token)) return new BSON.Double(value);
  return value >= -0x80000000 && value <= 0x7fffffff ? new BSON.Int32(value) : BSON.Long.fromString(token);
};

/** Reads a document of Extended JSON v2, canonical or relaxed. Throws SyntaxError (or a BSON error for a bad wrapper). */
export const fromExtendedJson = (text: string): OrderedDocument => new Reader(text).document();
