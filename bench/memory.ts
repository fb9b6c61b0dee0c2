// How much memory a dump and a restore take at most, as the kernel tells of the process that does them.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { databaseUri } from '../scripts/demo/database.ts';
import { kaleemDeploy } from '../scripts/demo/kaleem-deploy.ts';
import type { Stack } from '../scripts/demo/stack.ts';
import { runnersIn } from '../test/support/runners.ts';
import type { Bench } from './bench.ts';
import { type DataSet, fill } from './documents.ts';
import { table } from './numbers.ts';
import { sizeText } from './sizes.ts';

const LIVE = 'v0.0.2';
const PROMISED_BYTES = 200e6;
const LOOK_MS = 50;

/** The most that any of a stack's runners has ever had in memory, looked up until told to stop: bytes. */
const watchRunners = (stack: Stack): { readonly stop: () => Promise<number> } => {
  let peak = 0;
  let over = false;
  const look = async () => {
    while (!over) {
      for (const { pid } of await runnersIn(stack.directory)) {
        // It is the peak so far: of the last look nothing but the last moments is missing.
        const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
        peak = Math.max(peak, 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0));
      }
      await sleep(LOOK_MS);
    }
  };
  const looking = look();
  return {
    async stop() {
      over = true;
      await looking;
      return peak;
    },
  };
};

interface Measured {
  readonly peakBytes: number;
  readonly elapsedMs: number;
  readonly json: Readonly<Record<string, unknown>>;
}

const peakOf = async (stack: Stack, ...argv: readonly string[]): Promise<Measured> => {
  const watching = watchRunners(stack);
  const { exitCode, stdout, elapsedMs } = await kaleemDeploy(stack.directory, [...argv, '--json', '--quiet'], false);
  const peakBytes = await watching.stop();
  if (exitCode !== 0) throw new Error(`kaleem-deploy ${argv.join(' ')} exited with ${exitCode}: ${stdout}`);
  if (peakBytes === 0) throw new Error(`kaleem-deploy ${argv.join(' ')}: its process was not found`);
  return { peakBytes, elapsedMs, json: JSON.parse(stdout) as Readonly<Record<string, unknown>> };
};

/** A database of so many bytes, as much of it of each set, backed up and restored by the command. Prints the peaks. */
export const measureMemory = async (
  { stack: newStack, signal }: Bench,
  { sets, bytes }: { readonly sets: readonly DataSet[]; readonly bytes: number },
): Promise<void> => {
  const stack = await newStack({ version: LIVE, attempts: 600, config: 'backup: { keep_last: 1 }\n' });
  const { exitCode } = await kaleemDeploy(stack.directory, [LIVE, '--quiet'], false);
  if (exitCode !== 0) throw new Error(`kaleem-deploy ${LIVE} exited with ${exitCode}`);
  const uri = await databaseUri(stack);
  for (const set of sets) await fill({ uri, database: 'kaleem', signal }, set, bytes / sets.length);
  signal.throwIfAborted();
  const dump = await peakOf(stack, 'backup', 'create');
  const restore = await peakOf(stack, 'backup', 'restore', String(dump.json.id), '--yes');
  const limit = `x ${sizeText(PROMISED_BYTES)}`;
  process.stdout.write(
    `\npeak memory of the process that works, ${sizeText(bytes)} (${sets.map(({ name }) => name).join('; ')}):\n`,
  );
  table(
    ['', 'time', 'peak', limit],
    [['dump and verify', dump] as const, ['copy aside and restore', restore] as const].map(
      ([name, { peakBytes, elapsedMs }]) => [
        ...[name, `${(elapsedMs / 1000).toFixed(1)} s`, sizeText(peakBytes)],
        (peakBytes / PROMISED_BYTES).toFixed(2),
      ],
    ),
  );
};
