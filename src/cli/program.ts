import type { Config } from '../config/config.ts';
import { DeployError } from '../errors.ts';
import { systemClock } from '../system/clock.ts';
import { createRedactor } from '../system/redact.ts';
import { exitCodes } from './exit-codes.ts';
import { type GlobalOptions, readGlobalOptions } from './global-options.ts';
import { type Interrupts, watchInterrupts } from './interrupt.ts';
import type { Io } from './io.ts';
import { createOutput } from './output.ts';
import { parse } from './parse.ts';
import { causeLines, errorLines, reportError } from './render/error.ts';
import { painter } from './render/paint.ts';
import { createSession, type Parts } from './session.ts';

const realParts: Parts = {
  clock: systemClock,
  loadConfig: async (input) => (await import('../config/load.ts')).loadConfig(input),
  collectSecrets: async (config) => (await import('../config/secrets.ts')).collectSecrets(config),
  openApp: async (options) => (await import('../deploy/app.ts')).openApp(options),
};

/** Whether --json was typed, for errors that come before the command line is understood. */
const asksForJson = (argv: readonly string[]): boolean => {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
};

/** An abort looks like whatever was waiting when it came. */
const isInterruption = (error: unknown, signal: AbortSignal | undefined): boolean =>
  signal?.aborted === true &&
  (error === signal.reason ||
    (error instanceof Error && !(error instanceof DeployError) && error.name === 'AbortError'));

/**
 * The whole command, in-process. `argv` is without the program's name. Comes back with the exit code and never throws.
 * Tests hand in their own `io`, and `parts` where what is behind the command line would need Docker.
 */
export const main = async (argv: readonly string[], io: Io, parts: Parts = realParts): Promise<number> => {
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
    interrupts = watchInterrupts(io.signals, interruption, (text) => session.tell(text));
    const session = createSession({
      io,
      options: given,
      output,
      redactor,
      signal: interrupts.signal,
      parts,
      onConfig: (loaded) => {
        config = loaded;
      },
    });
    return (await Promise.race([job(session), interrupts.stopNow])) ?? 0;
  } catch (thrown) {
    const interrupted = isInterruption(thrown, interrupts?.signal);
    const error = interrupted ? interrupts?.signal.reason : thrown;
    // Ctrl-C on something that only looks, or a reader that left: there is nothing to tell.
    if (onlyReads && interrupted && !options.json) return exitCodes.interrupted;
    const stateDirectory = (config as Config | null)?.stateDirectory ?? null;
    const { report, exitCode } = reportError(error, { stateDirectory });
    if (options.json) output.document({ error: report, exitCode });
    else output.say(errorLines(report, painter(io.stderr, io.env)));
    if (options.verbose) output.say(causeLines(error));
    return exitCode;
  } finally {
    interrupts?.close();
  }
};
