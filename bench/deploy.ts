// What `kaleem-deploy TAG` costs beside `docker compose pull && docker compose up -d --wait` on the same change. See README.md.
//
// Two fresh stacks of the same seven services, one deployed by hand and one by the tool, in turns, so that both meet the
// same machine. Every round changes the images of api and frontend from v0.0.2 to v0.0.5 or back: no migration runs.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kaleemDeploy } from '../scripts/demo/kaleem-deploy.ts';
import type { Stack } from '../scripts/demo/stack.ts';
import { systemCommands } from '../src/system/command.ts';
import { bench } from './bench.ts';
import { count, median, seconds, table } from './numbers.ts';

const LIVE = 'v0.0.2';
const TAGS = ['v0.0.5', LIVE] as const;
/** What `up --wait` does not do: these steps are left out of the count. */
const LEFT_OUT = /^(?:back up the database|verify )/;
const TIMEOUT_MS = 300_000;

interface Step {
  readonly title: string;
  readonly elapsedMs: number;
}

const compose = async (stack: Stack, args: readonly string[]): Promise<void> => {
  const result = await systemCommands.run(['docker', 'compose', ...args], {
    cwd: stack.directory,
    timeoutMs: TIMEOUT_MS,
  });
  if (result.exitCode !== 0) throw new Error(`docker compose ${args.join(' ')}: ${result.stderr.trim()}`);
};

/** The edit of `.env` is not counted: by hand it takes longer than all the rest. */
const byHand = async (stack: Stack, tag: string): Promise<number> => {
  const path = join(stack.directory, '.env');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll(/^(KALEEM_\w+_IMAGE=.*):[^:]*$/gm, `$1:${tag}`));
  const started = performance.now();
  await compose(stack, ['pull', '--quiet']);
  await compose(stack, ['up', '--detach', '--wait']);
  return performance.now() - started;
};

interface Measured {
  readonly wholeMs: number;
  readonly leftOutMs: number;
  readonly steps: readonly Step[];
}

/** The whole process, from its start to its end. */
const byTool = async (stack: Stack, tag: string): Promise<Measured> => {
  const { exitCode, elapsedMs, stdout } = await kaleemDeploy(stack.directory, [tag, '--json', '--quiet'], false);
  if (exitCode !== 0) throw new Error(`kaleem-deploy ${tag} exited with ${exitCode}: ${stdout}`);
  const { steps } = JSON.parse(stdout) as { readonly steps: readonly Step[] };
  const leftOut = steps.filter(({ title }) => LEFT_OUT.test(title));
  return { wholeMs: elapsedMs, leftOutMs: leftOut.reduce((sum, step) => sum + step.elapsedMs, 0), steps };
};

const run = async (
  rounds: number,
  stacks: { readonly hand: Stack; readonly tool: Stack },
  signal: AbortSignal,
): Promise<void> => {
  await byHand(stacks.hand, LIVE);
  await byTool(stacks.tool, LIVE);
  // Each tag once, so that neither side has to fetch an image while it is timed.
  for (const tag of TAGS) {
    await byHand(stacks.hand, tag);
    await byTool(stacks.tool, tag);
  }
  const measured: { hand: number; tool: Measured }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    const tag = TAGS[round % TAGS.length] ?? TAGS[0];
    // Who goes first changes too.
    const first = round % 4 < 2 ? await byHand(stacks.hand, tag) : null;
    const tool = await byTool(stacks.tool, tag);
    measured.push({ hand: first ?? (await byHand(stacks.hand, tag)), tool });
  }
  const counted = ({ tool }: { tool: Measured }) => tool.wholeMs - tool.leftOutMs;
  table(
    ['round', 'compose', 'kaleem-deploy', 'backup and gates', 'counted', 'difference'],
    measured.map((each, round) => [
      String(round + 1),
      ...[each.hand, each.tool.wholeMs, each.tool.leftOutMs, counted(each), counted(each) - each.hand].map(seconds),
    ]),
  );
  const [hand, tool] = [median(measured.map((each) => each.hand)), median(measured.map(counted))];
  const titles = measured[0]?.tool.steps.map(({ title }) => title.replace(/ v0\.0\.\d$/, '')) ?? [];
  process.stdout.write('\nmedians of the steps:\n');
  for (const [index, title] of titles.entries()) {
    const times = measured.flatMap((each) => each.tool.steps[index]?.elapsedMs ?? []);
    process.stdout.write(`  ${seconds(median(times))}  ${title}\n`);
  }
  process.stdout.write(
    `\nmedian: compose ${seconds(hand)}, kaleem-deploy ${seconds(tool)} without backup, gates and stability window: ` +
      `${seconds(tool - hand)} more, ratio ${(tool / hand).toFixed(2)} (at most 1 s more is promised)\n`,
  );
};

await bench(async ({ stack, signal }) => {
  const rounds = count(10);
  const config = 'images: [KALEEM_API_IMAGE, KALEEM_FRONTEND_IMAGE]\nstability: 0s\n';
  const options = { version: LIVE, attempts: 90, config };
  await run(rounds, { hand: await stack(options), tool: await stack(options) }, signal);
});
