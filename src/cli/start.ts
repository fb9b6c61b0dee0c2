import type { Io } from './io.ts';
import { main } from './program.ts';

const flushed = (stream: NodeJS.WriteStream): Promise<void> => new Promise((done) => stream.write('', () => done()));

const move: Io['move'] = ({ env, cwd }) => {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) delete process.env[name];
  for (const [name, value] of Object.entries(env)) if (value !== undefined) process.env[name] = value;
};

/** The process around `main`: its streams and signals. Ends the process, so that a socket somebody left open can't keep it. */
export const start = async (argv: readonly string[]): Promise<void> => {
  const { stdin, stdout, stderr, env } = process;
  const exitCode = await main(argv, { stdin, stdout, stderr, env, cwd: process.cwd(), signals: process, move });
  await Promise.all([flushed(stdout), flushed(stderr)]);
  process.exit(exitCode);
};
