import { spawn } from 'node:child_process';
import { quoteWord } from '../../src/system/ssh/quote.ts';

/** A command on a terminal of its own, by script(1): what it shows, and somebody who types. */
export const onTerminal = (
  argv: readonly string[],
  {
    cwd,
    env,
    timeoutMs,
  }: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number },
) => {
  const child = spawn('script', ['-qec', argv.map(quoteWord).join(' '), '/dev/null'], {
    ...{ cwd, env: { ...env, SHELL: '/bin/sh', TERM: 'dumb' }, stdio: ['pipe', 'pipe', 'ignore'] },
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let shown = '';
  let over = false;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  const ended = new Promise<{ readonly code: number | null; readonly shown: string }>((resolve) =>
    child.once('close', (code) => {
      clearTimeout(timer);
      over = true;
      resolve({ code, shown });
    }),
  );
  return {
    ended,
    /** Waits for the text after what was waited for before, then types. */
    async type(after: string, keys: string): Promise<void> {
      for (;;) {
        if (shown.includes(after)) break;
        if (over) throw new Error(`it ended without ${JSON.stringify(after)}:\n${shown}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.stdin?.write(keys);
    },
  };
};
