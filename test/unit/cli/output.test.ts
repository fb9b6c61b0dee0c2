import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createOutput } from '../../../src/cli/output.ts';
import { main } from '../../../src/cli/program.ts';
import type { Parts } from '../../../src/cli/workspace.ts';
import type { App } from '../../../src/deploy/app.ts';
import { createRedactor } from '../../../src/system/redact.ts';
import { deployed } from './fixtures.ts';
import { appOf, config, manualClock, memory, runnersInProcess } from './support.ts';

/** A stream whose reader is gone: the first write fails, as an event or at once. */
const broken = (how: 'event' | 'throw') => {
  const events = new EventEmitter();
  let writes = 0;
  return {
    on: (name: 'error', listener: (error: Error) => void) => events.on(name, listener),
    write: (): boolean => {
      writes += 1;
      const error = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      if (how === 'throw') throw error;
      events.emit('error', error);
      return false;
    },
    writes: () => writes,
  };
};

describe.each(['event', 'throw'] as const)('a stream that closed (%s)', (how) => {
  it('is written to once, and says so once', () => {
    const stdout = broken(how);
    let gone = 0;
    const output = createOutput({
      stdout,
      stderr: memory(),
      redactor: createRedactor(),
      onStdoutGone: () => {
        gone += 1;
      },
    });
    output.result(['a']);
    output.document({});
    expect({ writes: stdout.writes(), gone }).toEqual({ writes: 1, gone: 1 });
  });

  const runWith = (argv: readonly string[], app: (signal: AbortSignal) => Partial<App>) => {
    const stdout = broken(how);
    const stderr = broken(how);
    const io = {
      stdin: new PassThrough(),
      stdout,
      stderr,
      env: {},
      cwd: '/',
      signals: new EventEmitter(),
      move: () => {},
    };
    const parts: Parts = {
      clock: manualClock(),
      loadConfig: async () => config({ warnings: ['odd'] }),
      collectSecrets: async () => [],
      openApp: async ({ signal, progress }) => {
        progress.warn('nobody reads this');
        return appOf(app(signal));
      },
    };
    return main(argv, io, { ...parts, ...runnersInProcess(parts) });
  };

  it('does not disturb an operation', async () => {
    const exitCode = await runWith(['v2'], (signal) => ({
      deploy: async () => {
        signal.throwIfAborted();
        return deployed;
      },
    }));
    expect(exitCode).toBe(0);
  });

  it('ends `logs --follow`', async () => {
    const exitCode = await runWith(['logs', '-f'], (signal) => ({
      logs: async ({ onLine }) => {
        onLine({ service: 'api', container: 'api-1', text: 'x' });
        expect(signal.aborted).toBe(true);
        signal.throwIfAborted();
      },
    }));
    expect(exitCode).toBe(130);
  });
});
