import { messageOf } from '../errors.ts';

/** Details of gates are one line each, on a terminal, in a log, in JSON. These functions make them so. */

const LONGEST = 600;
const BODY = 200;

/** Control characters (a body may hold terminal escapes) and line breaks become spaces; credentials in URIs are masked. */
export const oneLine = (text: string, longest = LONGEST): string => {
  // Only what can show is looked at: a body may be a megabyte of one word.
  const line = maskUris(text.slice(0, longest * 8))
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim();
  return line.length > longest ? `${line.slice(0, longest - 1).trimEnd()}…` : line;
};

/** The start of a body, for a detail. */
export const snippet = (text: string): string => oneLine(text, BODY);

/** `mongodb://user:password@host` without what stands before the `@`. */
const maskUris = (text: string): string => text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1***@');

/** 80 ms, 2.5 s, 200 s. */
export const duration = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`;

/** An image or container id as `docker ps` shows it. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);

const IN_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name could not be looked up',
};

/** A system error in words, with the address where there is one; anything else as it says itself. */
export const describeError = (error: unknown): string => {
  // A name with several addresses fails with one error for each.
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map(describeError))].join('; ');
  const { code, address, port, hostname } = error as {
    code?: string;
    address?: string;
    port?: number;
    hostname?: string;
  };
  const words = code === undefined ? undefined : IN_WORDS[code];
  if (words === undefined) return messageOf(error) || String(code ?? 'failed without a reason');
  if (address !== undefined && port !== undefined) return `${words} (${address}:${port})`;
  return hostname === undefined ? words : `${words} (${hostname})`;
};
