#!/usr/bin/env node
import { VERSION } from '../version-number.ts';

// What we write may hold a database: nobody else's business, whatever the shell's umask was.
process.umask(0o077);

const words = process.argv.slice(2);
const onlyWord = words.length === 1 ? words[0] : undefined;

// Scripts ask for the version in loops, so it costs no more than starting Node. No compile cache: its default place is a
// predictable name in /tmp, and a root process must not load code from there.
if (onlyWord === '--version' || onlyWord === '-V' || onlyWord === 'version') {
  process.stdout.write(`${VERSION}\n`);
} else {
  const { start } = await import('./start.ts');
  await start(words);
}
