// How long `kaleem-deploy --version` takes beside the smallest thing Node can do, `node -e 0`: whole processes, in turns.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { count, median } from './numbers.ts';

const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const time = (args: readonly string[]): number => {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} exited with ${status}`);
  return performance.now() - started;
};

const rounds = count(50);
const version: number[] = [];
const nothing: number[] = [];
// The first ones warm the disk cache.
for (let round = -3; round < rounds; round += 1) {
  const [a, b] = [time(['-e', '0']), time([program, '--version'])];
  if (round < 0) continue;
  nothing.push(a);
  version.push(b);
}
const [of, to] = [median(version), median(nothing)];
process.stdout.write(
  `medians of ${rounds}: kaleem-deploy --version ${of.toFixed(1)} ms, node -e 0 ${to.toFixed(1)} ms, ` +
    `ratio ${(of / to).toFixed(2)} (at most 2.5 is promised)\n`,
);
