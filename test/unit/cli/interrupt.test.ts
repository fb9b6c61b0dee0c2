import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { AppOptions } from '../../../src/deploy/app.ts';
import { DeployError } from '../../../src/errors.ts';
import { deployed, destructive } from './fixtures.ts';
import { run } from './support.ts';

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

/** Runs a verb that waits; sends the signals once it does, one after another. */
const interruptedBy = async (
  argv: readonly string[],
  signals: readonly string[],
  act: (options: AppOptions) => Promise<never>,
) => {
  const source = new EventEmitter();
  const app = (options: AppOptions) => {
    const method = async (): Promise<never> => {
      setImmediate(() => {
        for (const name of signals) source.emit(name);
      });
      return act(options);
    };
    return { deploy: method, backupCreate: method, status: method, logs: method };
  };
  const result = await run(argv, { app, signals: source });
  const left = ['SIGINT', 'SIGTERM', 'SIGHUP'].reduce((sum, name) => sum + source.listenerCount(name), 0);
  return { ...result, left };
};

const rolledBack = async ({ signal }: AppOptions): Promise<never> => {
  const reason = await untilAborted(signal).catch((error: unknown) => error);
  throw new DeployError('interrupted', 'v2 was interrupted; v1 is live again', { cause: reason });
};

describe('Ctrl-C', () => {
  it('aborts a deploy, which rolls back: exit 130', async () => {
    let reason: unknown = null;
    const result = await interruptedBy(['v2'], ['SIGINT'], (options) => {
      options.signal.addEventListener('abort', () => {
        ({ reason } = options.signal);
      });
      return rolledBack(options);
    });
    expect(result).toEqual({
      exitCode: 130,
      out: '',
      err: 'aborting and rolling back; this ends by itself\nerror: v2 was interrupted; v1 is live again\n',
      left: 0,
    });
    expect(reason).toMatchObject({ code: 'interrupted', message: 'interrupted by Ctrl-C' });
  });

  it('a second time only stops following, and says how to follow again', async () => {
    const undone: string[] = [];
    const { exitCode, err, left } = await interruptedBy(['v2'], ['SIGINT', 'SIGINT'], async ({ signal }) => {
      await untilAborted(signal).catch(() => {});
      undone.push('v2');
      throw new DeployError('interrupted', 'v2 was interrupted; v1 is live again');
    });
    expect({ exitCode, left }).toEqual({ exitCode: 130, left: 0 });
    expect(err.split('\n').slice(-3)).toEqual([
      'error: no longer following: the deploy is being aborted and goes on by itself',
      'hint: kaleem-deploy attach follows it again',
      '',
    ]);
    await expect.poll(() => undone).toEqual(['v2']);
  });

  it('of a backup does not speak of rolling back', async () => {
    const { exitCode, err } = await interruptedBy(['backup', 'create'], ['SIGINT'], ({ signal }) =>
      untilAborted(signal),
    );
    expect(exitCode).toBe(130);
    expect(err).toBe('aborting; what was begun is cleared away first\nerror: interrupted by Ctrl-C\n');
  });

  it('ends what only reads without a word', async () => {
    const result = await interruptedBy(['logs', '-f'], ['SIGINT'], ({ signal }) => untilAborted(signal));
    expect(result).toEqual({ exitCode: 130, out: '', err: '', left: 0 });
  });

  it('a second time ends what only reads although it hangs', async () => {
    const result = await interruptedBy(['status'], ['SIGINT', 'SIGINT'], () => new Promise(() => {}));
    expect(result).toMatchObject({ exitCode: 130, out: '', err: '' });
  });

  it('is an error document with --json', async () => {
    const { out } = await interruptedBy(['status', '--json'], ['SIGINT'], ({ signal }) => untilAborted(signal));
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'interrupted' }, exitCode: 130 });
  });

  it('turns an AbortError into an interruption, not a bug', async () => {
    const result = await interruptedBy(['backup', 'create'], ['SIGINT'], async ({ signal }) => {
      await untilAborted(signal).catch(() => {});
      throw new DOMException('The operation was aborted', 'AbortError');
    });
    expect(result).toMatchObject({ exitCode: 130 });
    expect(result.err).toContain('error: interrupted by Ctrl-C');
  });

  it('does not hide what went wrong while it was handled', async () => {
    const result = await interruptedBy(['v2'], ['SIGINT'], async ({ signal }) => {
      await untilAborted(signal).catch(() => {});
      throw new DeployError('halted', 'the rollback failed');
    });
    expect(result.exitCode).toBe(21);
  });

  it('too late is no failure', async () => {
    const source = new EventEmitter();
    const app = {
      deploy: async () => {
        source.emit('SIGINT');
        return deployed;
      },
    };
    expect(await run(['v2'], { app, signals: source })).toMatchObject({ exitCode: 0 });
  });

  it('at a question ends it', async () => {
    const source = new EventEmitter();
    const app = {
      plan: async () => {
        setImmediate(() => setImmediate(() => source.emit('SIGINT')));
        return destructive;
      },
    };
    const { exitCode, err } = await run(['prune'], { app, signals: source, terminal: true, env: { NO_COLOR: '1' } });
    expect(exitCode).toBe(130);
    expect(err).toContain('error: interrupted by Ctrl-C');
  });
});

describe('a session that is closed from outside', () => {
  it('only stops following: SIGTERM aborts nothing', async () => {
    let aborted = false;
    const result = await interruptedBy(['v2'], ['SIGTERM'], ({ signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => {});
    });
    expect(result).toEqual({
      ...{ exitCode: 130, out: '', left: 0 },
      err:
        'error: no longer following: the deploy goes on\n' +
        'hint: kaleem-deploy attach follows it again, kaleem-deploy abort aborts it\n',
    });
    await new Promise((done) => setTimeout(done, 50));
    expect(aborted).toBe(false);
  });
});

describe('a terminal that hangs up', () => {
  it('changes nothing for an operation', async () => {
    const source = new EventEmitter();
    const app = ({ signal }: AppOptions) => ({
      deploy: async () => {
        source.emit('SIGHUP');
        return signal.aborted ? Promise.reject(new Error('aborted')) : deployed;
      },
    });
    expect(await run(['v2'], { app, signals: source })).toMatchObject({ exitCode: 0, err: '' });
  });

  it('ends what only reads', async () => {
    const result = await interruptedBy(['status'], ['SIGHUP'], ({ signal }) => untilAborted(signal));
    expect(result).toMatchObject({ exitCode: 130, err: '' });
  });
});
