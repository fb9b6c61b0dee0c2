// How long visitors wait for the old version once a deploy is known to have failed. See README.md.
//
// Two bad versions in turns: one that wrote nothing, and one that spoilt the database and so costs an aside copy and a
// restore. The clock starts at the verdict, the note "undo" in the operation's journal, and stops at the first answer
// of the old version through nginx. How long the old version takes to start by itself is measured in every round too.
import { setTimeout as sleep } from 'node:timers/promises';
import { kaleemDeploy } from '../scripts/demo/kaleem-deploy.ts';
import { docker, type Stack } from '../scripts/demo/stack.ts';
import { type JournalLine, readJournals } from '../test/support/journals.ts';
import { bench } from './bench.ts';
import { count, median, seconds, table } from './numbers.ts';

const LIVE = 'v0.0.2';
const BAD = ['v0.0.4-broken-readonly', 'v0.0.3'] as const;
const POLL_MS = 10;
const START_MS = 120_000;
const PROMISED_MS = 5_000;

const answeredBy = async (url: string): Promise<string | null> => {
  const response = await fetch(`${url}/api/version`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
  await response?.arrayBuffer().catch(() => {});
  return response?.headers.get('x-kaleem-version') ?? null;
};

/** When a version was answered for the first time, asking from now on; wall clock, as the journal's. */
const watch = (url: string): { readonly stop: () => readonly { at: number; version: string }[] } => {
  const answers: { at: number; version: string }[] = [];
  let over = false;
  const ask = async () => {
    while (!over) {
      const version = await answeredBy(url);
      if (version !== null) answers.push({ at: Date.now(), version });
      await sleep(POLL_MS);
    }
  };
  void ask();
  return {
    stop: () => {
      over = true;
      return answers;
    },
  };
};

/** Milliseconds that a step took after the verdict; what of it was done several times counts from first to last. */
const durationOf = (lines: readonly JournalLine[], isStep: (step: string) => boolean): number => {
  const own = lines.filter(({ step, type }) => isStep(step) && (type === 'intent' || type === 'result'));
  const times = own.map(({ at }) => Date.parse(at));
  return times.length === 0 ? 0 : Math.max(...times) - Math.min(...times);
};

/** What the api and nginx need to serve after a start, with nobody in between. */
const ownStart = async ({ project, url }: Stack): Promise<number> => {
  const container = (service: string) => `${project}-${service}-1`;
  await docker(['stop', '--time', '1', container('nginx'), container('api')]);
  const started = performance.now();
  await docker(['start', container('api')]);
  const isHealthy = async () =>
    (await docker(['inspect', '--format', '{{.State.Health.Status}}', container('api')])) === 'healthy';
  while (!(await isHealthy())) {
    if (performance.now() - started > START_MS) throw new Error('the old version does not become healthy');
    await sleep(50);
  }
  await docker(['start', container('nginx')]);
  while ((await answeredBy(url)) !== LIVE) await sleep(POLL_MS);
  return performance.now() - started;
};

interface Measured {
  readonly tag: string;
  readonly waitedMs: number;
  readonly asideMs: number;
  readonly restoreMs: number;
  readonly startMs: number;
}

const measure = async (stack: Stack, tag: string): Promise<Measured> => {
  const watching = watch(stack.url);
  const { exitCode, stdout } = await kaleemDeploy(stack.directory, [tag, '--json', '--quiet'], false);
  const answers = watching.stop();
  if (exitCode !== 20) throw new Error(`kaleem-deploy ${tag} exited with ${exitCode}: ${stdout}`);
  const [{ lines } = { lines: [] }] = await readJournals(stack.directory, 1);
  const verdict = lines.findIndex(({ type, step }) => type === 'note' && step === 'undo');
  if (verdict < 0) throw new Error(`the journal of ${tag} has no verdict`);
  const after = lines.slice(verdict);
  const saidAt = Date.parse(after[0]?.at ?? '');
  const first = answers.find(({ at, version }) => at >= saidAt && version === LIVE);
  return {
    tag,
    waitedMs: (first?.at ?? (await firstAnswer(stack))) - saidAt,
    asideMs: durationOf(after, (step) => step === 'backup.create'),
    restoreMs: durationOf(after, (step) => step.startsWith('restore.')),
    startMs: await ownStart(stack),
  };
};

/** The command ended before anybody asked again. */
const firstAnswer = async ({ url }: Stack): Promise<number> => {
  while ((await answeredBy(url)) !== LIVE) await sleep(POLL_MS);
  return Date.now();
};

const overhead = ({ waitedMs, asideMs, restoreMs, startMs }: Measured): number =>
  waitedMs - asideMs - restoreMs - startMs;

await bench(async ({ stack: newStack, signal }) => {
  const rounds = count(3);
  const stack = await newStack({ version: LIVE, attempts: 40, config: null });
  const { exitCode } = await kaleemDeploy(stack.directory, [LIVE, '--quiet'], false);
  if (exitCode !== 0) throw new Error(`kaleem-deploy ${LIVE} exited with ${exitCode}`);
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const tag of BAD) {
      signal.throwIfAborted();
      measured.push(await measure(stack, tag));
    }
  }
  table(
    ['bad version', 'verdict to answer', 'aside copy', 'restore', 'own start', 'rest'],
    measured.map((each) => [
      each.tag,
      ...[each.waitedMs, each.asideMs, each.restoreMs, each.startMs, overhead(each)].map(seconds),
    ]),
  );
  for (const tag of BAD) {
    const rest = median(measured.filter((each) => each.tag === tag).map(overhead));
    process.stdout.write(`\nmedian rest of ${tag}: ${seconds(rest)} (at most ${seconds(PROMISED_MS)} is promised)`);
  }
  process.stdout.write('\n');
});
