import type { Io, OutStream } from '../io.ts';

export type Paint = (color: 'red' | 'green' | 'yellow' | 'dim', text: string) => string;

const codes = { red: 31, green: 32, yellow: 33, dim: 2 };

/** Colour only where a person looks at it: a terminal that can, without NO_COLOR (https://no-color.org). */
export const painter = (stream: OutStream, env: Io['env']): Paint => {
  const plain = stream.isTTY !== true || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  return plain ? (_color, text) => text : (color, text) => `\u001b[${codes[color]}m${text}\u001b[0m`;
};
