import { spawn } from 'node:child_process';

export interface ArgvSamples {
  /** How often all processes of the machine were looked at. */
  readonly passes: number;
  /** Every command line that was seen, arguments apart by spaces. */
  readonly commandLines: readonly string[];
}

export interface ArgvSampler {
  stop(): Promise<ArgvSamples>;
}

/** Reads each process a few times only: a new one, once it has become what it is to be, keeps its arguments. */
const PROGRAM = `
  const { readdirSync, readFileSync } = require('node:fs');
  const reads = new Map();
  const seen = new Set();
  let passes = 0;
  let over = false;
  const pass = () => {
    passes += 1;
    for (const name of readdirSync('/proc')) {
      if (!/^[0-9]+$/.test(name) || (reads.get(name) ?? 0) > 20) continue;
      reads.set(name, (reads.get(name) ?? 0) + 1);
      try { seen.add(readFileSync('/proc/' + name + '/cmdline', 'utf8').replaceAll('\\0', ' ').trim()); } catch {}
    }
    if (over) process.stdout.write(JSON.stringify({ passes, commandLines: [...seen] }), () => process.exit());
    else setTimeout(pass, 3);
  };
  process.stdin.resume().on('end', () => { over = true; });
  pass();
`;

/** Watches the arguments of all processes, ours and theirs, from a process of its own. */
export const startArgvSampler = (): ArgvSampler => {
  const child = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  return {
    async stop() {
      child.stdin.end();
      await ended;
      return JSON.parse(text) as ArgvSamples;
    },
  };
};
