import { DeployError } from '../errors.ts';
import type { Io } from './io.ts';
import type { Output } from './output.ts';

const ENTER = /[\r\n]/;
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const ERASE = /[\b\x7f]/;

/**
 * Asks for a secret on the terminal; what is typed is not shown. Null at Ctrl-D or the end of the input. Rejects
 * at Ctrl-C, which the terminal makes no signal of while it shows nothing.
 */
export const askSecret = (io: Io, output: Output, signal: AbortSignal, question: string): Promise<string | null> =>
  new Promise((resolve, reject) => {
    const { stdin } = io;
    let typed = '';
    const leave = (): void => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      signal.removeEventListener('abort', onEnd);
      stdin.setRawMode?.(false);
      stdin.pause();
      output.raw('\n');
    };
    const finish = (answer: string | null): void => {
      leave();
      resolve(answer);
    };
    const interrupt = (): void => {
      leave();
      reject(new DeployError('interrupted-before', 'interrupted before anything was begun'));
    };
    const onEnd = (): void => finish(null);
    const onData = (chunk: Buffer | string): void => {
      for (const character of chunk.toString()) {
        if (ENTER.test(character)) {
          finish(typed);
          return;
        }
        if (character === CTRL_C || character === CTRL_D) {
          if (character === CTRL_C) interrupt();
          else finish(null);
          return;
        }
        typed = ERASE.test(character) ? typed.slice(0, -1) : typed + character;
      }
    };
    // First of all: somebody may type as soon as the question is there.
    stdin.setRawMode?.(true);
    output.raw(question);
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    signal.addEventListener('abort', onEnd, { once: true });
    stdin.resume();
  });
