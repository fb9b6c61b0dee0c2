import { randomUUID } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { DeployError } from '../errors.ts';
import type { Host } from '../remote/host.ts';
import { checkVersion, confirmThere } from './ask-host.ts';
import { scopeOf } from './global-options.ts';
import { openThere, type There } from './open-host.ts';
import { painter } from './render/paint.ts';
import { warningLine } from './render/steps.ts';
import type { Session } from './session.ts';
import { stripHost } from './strip-host.ts';
import type { Job, Scheduled } from './verb.ts';

/** How it is shown, for commands that are run beside the one that was typed. */
const lookOf = ({ json, quiet, verbose }: Session['options']): readonly string[] => [
  ...(json ? ['--json'] : []),
  ...(quiet ? ['--quiet'] : []),
  ...(verbose ? ['--verbose'] : []),
];

/** Runs what only looks. Ctrl-C ends it, there too. */
const look = async (session: Session, host: Host, argv: readonly string[]): Promise<number> => {
  const { output, signal } = session;
  const [stdout, stderr] = [new StringDecoder('utf8'), new StringDecoder('utf8')];
  const sinks = {
    stdout: (chunk: Buffer) => output.part(stdout.write(chunk)),
    stderr: (chunk: Buffer) => output.raw(stderr.write(chunk)),
  };
  const ended = await host.run(argv, sinks, signal);
  signal.throwIfAborted();
  if (ended.how === 'exited') return ended.exitCode;
  const what =
    ended.how === 'lost' ? `the connection to ${host.name} was lost` : `it was ended by ${ended.signal} there`;
  throw new DeployError('remote-unreachable', what, { hint: 'type it again' });
};

/** Runs what goes on by itself there. Ctrl-C aborts it where it was begun from here; a second one only stops following. */
const follow = async (
  session: Session,
  { host, world }: There,
  { argv, isOurs }: { readonly argv: readonly string[]; readonly isOurs: boolean },
): Promise<number> => {
  const { options, output } = session;
  const { followThere } = await import('../remote/follow.ts');
  const hint = `kaleem-deploy --host ${host.name} attach follows it again`;
  let abort = (): void => {};
  let asked = !isOurs;
  const stopped = new Promise<never>((_, reject) =>
    session.onInterrupt((by) => {
      const aborts = by === 'Ctrl-C' && !asked;
      if (!aborts)
        return reject(
          new DeployError('interrupted', `no longer following: it goes on by itself on ${host.name}`, { hint }),
        );
      asked = true;
      output.say([`${host.name} is asked to abort; Ctrl-C again stops following`]);
      abort();
    }),
  );
  const following = {
    stdout: output.part,
    stderr: output.raw,
    onAbort: (act: () => void) => {
      abort = act;
    },
  };
  const name = ['--request-id', options.requestId ?? randomUUID()];
  const ours = options.requestId === null ? [...name, ...argv] : argv;
  const scope = scopeOf(options);
  const followed = isOurs
    ? { argv: ours, again: ours, abort: [...scope, ...name, '-q', '--json', 'abort'] }
    : { argv, again: [...scope, ...lookOf(options), 'attach'], abort: null };
  try {
    return await Promise.race([followThere(host, followed, following, world), stopped]);
  } finally {
    session.onInterrupt(null);
  }
};

/** The job of a verb that is to run on another host: the same program there does it. */
export const elsewhere =
  (typed: readonly string[], scheduled: Scheduled, name: string): Job =>
  async (session) => {
    const { options, io, output } = session;
    const { confirm = null, elsewhere: how, interruption } = scheduled;
    if (how?.type === 'drives') return scheduled.job(session);
    if (how?.type === 'here-only') throw new DeployError('usage', `not with --host: ${how.why}`, { hint: how.hint });
    const argv = stripHost(typed, scheduled);
    const asks = confirm !== null && !options.yes && !options.dryRun;
    if (asks) session.assertConfirmable(confirm);
    const changes = interruption !== 'reads' && !options.dryRun;
    const there = await openThere(session, name);
    const { host } = there;
    try {
      await host.connect();
      const warn = (line: string): void => output.say([warningLine(line, painter(io.stderr, io.env))]);
      await checkVersion(host, changes, warn);
      const exitCode = asks ? await confirmThere(session, host, argv, confirm) : null;
      if (exitCode !== null) return exitCode;
      // Nothing has been begun so far: what stops now leaves everything as it was.
      session.signal.throwIfAborted();
      const words = asks ? ['--yes', ...argv] : argv;
      if (changes || how?.type === 'follows') return await follow(session, there, { argv: words, isOurs: changes });
      return await look(session, host, words);
    } finally {
      host.close();
    }
  };
