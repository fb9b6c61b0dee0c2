import type { Config } from '../config/config.ts';
import { createRedactor } from '../system/redact.ts';
import { exitCodes } from './exit-codes.ts';
import { type GlobalOptions, readGlobalOptions } from './global-options.ts';
import { type Interrupts, isInterruption, watchInterrupts } from './interrupt.ts';
import type { Io } from './io.ts';
import { createOutput } from './output.ts';
import { parse } from './parse.ts';
import { realParts } from './real-parts.ts';
import { causeLines, reportError } from './render/error.ts';
import { realRunners } from './runner-link.ts';
import { createSession, type FrontParts } from './session.ts';
import { showError } from './show-error.ts';

/** Whether --json was typed, for errors that come before the command line is understood. */
const asksForJson = (argv: readonly string[]): boolean => {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
};

/**
 * The whole command, in-process. `argv` is without the program's name. Comes back with the exit code and never throws.
 * Tests hand in their own `io`, and `parts` where what is behind the command line would need Docker.
 */
export const main = async (
  argv: readonly string[],
  io: Io,
  parts: FrontParts = { ...realParts, ...realRunners },
): Promise<number> => {
  const redactor = createRedactor();
  let interrupts: Interrupts | null = null;
  let config: Config | null = null;
  let options: Pick<GlobalOptions, 'json' | 'verbose'> = { json: asksForJson(argv), verbose: false };
  let onlyReads = false;
  const output = createOutput({
    stdout: io.stdout,
    stderr: io.stderr,
    redactor,
    onStdoutGone: () => interrupts?.readerGone(),
  });

  try {
    const parsed = parse(argv);
    if (parsed.type === 'text') {
      output.result(parsed.text.trimEnd().split('\n'));
      return 0;
    }
    const { job, interruption, command } = parsed.scheduled;
    const given = readGlobalOptions(command);
    options = given;
    onlyReads = interruption === 'reads';
    const watched = watchInterrupts(io.signals, interruption);
    interrupts = watched;
    const session = createSession({
      io,
      options: given,
      output,
      redactor,
      signal: watched.signal,
      interruption,
      onInterrupt: watched.takeOver,
      parts,
      main: (next, elsewhere) => main(next, elsewhere, parts),
      onConfig: (loaded) => {
        config = loaded;
      },
    });
    const { scheduled } = parsed;
    const run = given.host === null ? job : (await import('./remote.ts')).elsewhere(argv, scheduled, given.host);
    return (await Promise.race([run(session), watched.stopNow])) ?? 0;
  } catch (thrown) {
    const interrupted = isInterruption(thrown, interrupts?.signal);
    const error = interrupted ? interrupts?.signal.reason : thrown;
    // Ctrl-C on something that only looks, or a reader that left: there is nothing to tell.
    if (onlyReads && interrupted && !options.json) return exitCodes.interrupted;
    const stateDirectory = (config as Config | null)?.stateDirectory ?? null;
    const { report, exitCode } = reportError(error, { stateDirectory });
    return showError({ io, output, options }, { report, exitCode, causes: causeLines(error) });
  } finally {
    interrupts?.close();
  }
};
