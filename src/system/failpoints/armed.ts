import { appendFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';

// What `#failpoint` is under `node --conditions=failpoints`, for tests. Two variables say what happens where:
//
//   KALEEM_FAILPOINTS        NAME#N=ACTION;NAME#N=ACTION   at the N-th time (1 unless told; `*`: every time) that NAME is met
//   KALEEM_FAILPOINTS_TRACE  a file that gets a line for each: `PID NAME#N`
//
// Actions: kill (SIGKILL of this process), stop (SIGSTOP; goes on after SIGCONT), hang (never over), delay:MILLISECONDS,
// fail:ERRNO or fail:ERRNO:SYSCALL (rejects as a failed system call does).

/** Tests in the same process take the place of the variables: called each time, before anything else goes on. */
export type FailpointHandler = (name: string, hit: number) => Promise<void> | void;

type Act = () => Promise<void> | void;

const never = (): Promise<void> =>
  new Promise(() => {
    // A promise alone does not keep Node running.
    setInterval(() => {}, 2 ** 30);
  });

const numberOf = (text: string, what: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`KALEEM_FAILPOINTS: ${what} is not a number: ${text}`);
  return Number(text);
};

/** An error as a failed system call gives it: `ENOSPC: no space left on device, write`. */
const systemError = (code: string, syscall: string): Error => {
  const [errno, [, words]] = [...getSystemErrorMap()].find(([, [name]]) => name === code) ?? [0, ['', '']];
  if (errno === 0) throw new Error(`KALEEM_FAILPOINTS: there is no error ${code}`);
  return Object.assign(new Error(`${code}: ${words}, ${syscall}`), { errno, code, syscall });
};

const actionOf = (text: string): Act => {
  const [action = '', first = '', second = 'write'] = text.split(':');
  switch (action) {
    case 'kill':
      return () => {
        process.kill(process.pid, 'SIGKILL');
        return never();
      };
    case 'stop':
      return () => void process.kill(process.pid, 'SIGSTOP');
    case 'hang':
      return never;
    case 'delay': {
      const ms = numberOf(first, 'a delay');
      return () => new Promise((resolve) => setTimeout(resolve, ms));
    }
    case 'fail': {
      // Now, so that a misspelt one shows at the start.
      systemError(first, second);
      return () => Promise.reject(systemError(first, second));
    }
    default:
      throw new Error(`KALEEM_FAILPOINTS: ${text} is not kill, stop, hang, delay:MS or fail:ERRNO`);
  }
};

interface Armed {
  readonly name: string;
  /** Null: every time. */
  readonly hit: number | null;
  readonly act: Act;
}

/** @throws Error for anything misspelt: a test that thinks it kills, and does not, proves nothing */
export const parseFailpoints = (text: string): readonly Armed[] =>
  text
    .split(';')
    .filter((part) => part !== '')
    .map((part) => {
      const [, name, hit = '1', action = ''] = /^([A-Za-z0-9._-]+)(?:#([^=]*))?=(.*)$/.exec(part) ?? [];
      if (name === undefined) throw new Error(`KALEEM_FAILPOINTS: ${part} is not NAME#N=ACTION`);
      return { name, hit: hit === '*' ? null : numberOf(hit, 'a hit'), act: actionOf(action) };
    });

const armed = parseFailpoints(process.env.KALEEM_FAILPOINTS ?? '');
const trace = process.env.KALEEM_FAILPOINTS_TRACE;
const hits = new Map<string, number>();
let handler: FailpointHandler | null = null;

/** Counts start anew. Null: the variables count again. */
export const handleFailpoints = (next: FailpointHandler | null): void => {
  hits.clear();
  handler = next;
};

export const failpoint = async (name: string): Promise<void> => {
  const hit = (hits.get(name) ?? 0) + 1;
  hits.set(name, hit);
  if (trace !== undefined) appendFileSync(trace, `${process.pid} ${name}#${hit}\n`);
  if (handler !== null) return handler(name, hit);
  for (const each of armed) if (each.name === name && (each.hit === null || each.hit === hit)) await each.act();
};
