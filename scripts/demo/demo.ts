// The whole promise in front of your eyes: a stack comes up, a good deploy, a bad deploy that is undone. Started by scripts/demo.sh.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clients, type OrdersSeen, startClients } from './clients.ts';
import { backups, hashWithoutOrdersSince, migrations, ordersIn } from './database.ts';
import { interruptCommand, kaleemDeploy } from './kaleem-deploy.ts';
import { command, type Findings, heading, openFindings, say } from './report.ts';
import { createStack, type Stack } from './stack.ts';

const started = performance.now();
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const short = (hash: string): string => hash.slice(0, 16);

const get = async (stack: Stack, path: string): Promise<Record<string, unknown>> => {
  const response = await fetch(`${stack.url}${path}`, { signal: AbortSignal.timeout(10_000) });
  return (await response.json()) as Record<string, unknown>;
};

/** Runs `kaleem-deploy TAG` with its output shown, and says how it ended. */
const deploy = async (stack: Stack, findings: Findings, tag: string, expected: { exitCode: number; live: string }) => {
  command(`kaleem-deploy ${tag}`);
  const { exitCode, elapsedMs } = await kaleemDeploy(stack.directory, [tag], true);
  const live = (await get(stack, '/api/version')).version;
  say(`   kaleem-deploy ${tag} took ${seconds(elapsedMs)}`);
  findings.check('exit code', exitCode, exitCode === expected.exitCode);
  findings.check('/api/version through nginx', String(live), live === expected.live);
};

const checkOrders = (findings: Findings, seen: OrdersSeen, forbidden: string | null) => {
  const versions = Object.entries(seen.servedBy).map(([version, times]) => `${version} ${times}x`);
  findings.check('orders acknowledged', seen.acknowledged, seen.acknowledged > 0);
  findings.check(
    'acknowledged orders lost, duplicated',
    `${seen.lost}, ${seen.duplicated}`,
    seen.lost + seen.duplicated === 0,
  );
  findings.check(
    'who answered',
    versions.join(', '),
    versions.length > 0 && (forbidden === null || !(forbidden in seen.servedBy)),
  );
  say(
    `          meanwhile ${seen.refused} orders were refused (503) and ${seen.unanswered} connections reset;` +
      ` the longest wait for an acknowledgement was ${seconds(seen.longestGapMs)}`,
  );
};

/** Orders flow before the deploy begins and after it has ended. */
const whileOrdering = async (stack: Stack, during: () => Promise<void>): Promise<OrdersSeen> => {
  const clients = startClients(stack.url);
  try {
    await moreOrders(clients);
    await during();
    await moreOrders(clients);
  } catch (error) {
    await clients.stop().catch(() => {});
    throw error;
  }
  return clients.stop();
};

const moreOrders = async (clients: Clients): Promise<void> => {
  const enough = clients.count() + 30;
  const deadline = performance.now() + 15_000;
  while (clients.count() < enough && performance.now() < deadline) await sleep(50);
};

const firstDeploy = async (stack: Stack, findings: Findings) => {
  findings.part('v0.0.1');
  heading('1/3  Seven services, none of which runs yet, come up on v0.0.1.');
  await deploy(stack, findings, 'v0.0.1', { exitCode: 0, live: 'v0.0.1' });
};

const goodDeploy = async (stack: Stack, findings: Findings) => {
  findings.part('v0.0.2, good');
  heading('2/3  While two clients order through nginx: a good deploy, whose migration gives every order a currency.');
  const seen = await whileOrdering(stack, () => deploy(stack, findings, 'v0.0.2', { exitCode: 0, live: 'v0.0.2' }));
  checkOrders(findings, seen, null);
  const applied = await migrations(stack);
  findings.check('migrations in the database', applied.join(', '), applied.join() === '001-seed,002-currency');
};

const badDeploy = async (stack: Stack, findings: Findings) => {
  findings.part('v0.0.3, bad');
  heading(
    '3/3  Still ordering: v0.0.3 corrupts the database as it starts, and then is not healthy. It must be undone.',
  );
  const before = (await backups(stack)).length;
  const seen = await whileOrdering(stack, () => deploy(stack, findings, 'v0.0.3', { exitCode: 20, live: 'v0.0.2' }));
  checkOrders(findings, seen, 'v0.0.3');
  const [fenced, aside] = (await backups(stack)).slice(before);
  if (fenced === undefined || aside === undefined) {
    findings.check('backups taken (behind the fence, aside)', (await backups(stack)).length - before, false);
    return;
  }
  const now = await hashWithoutOrdersSince(stack, new Date(fenced.createdAt));
  say(`          content hash of the database behind the fence  ${fenced.contentHash}`);
  say(`          of what v0.0.3 made of it (backup ${aside.id})  ${aside.contentHash}`);
  say(`          now, without the orders accepted since          ${now}`);
  findings.check('content hash as before the deploy', short(now), now === fenced.contentHash);
  findings.check(
    'what v0.0.3 wrote is kept aside',
    `${short(aside.contentHash)} in ${aside.id}`,
    aside.contentHash !== fenced.contentHash,
  );
  // Its migration adds 50 junk orders, so more would have come from outside.
  const strangers = ordersIn(aside) - ordersIn(fenced) - 50;
  findings.check('orders that reached v0.0.3', strangers, strangers === 0);
  const applied = await migrations(stack);
  findings.check('migrations in the database', applied.join(', '), applied.join() === '001-seed,002-currency');
};

/** The servers' first start may take a while on a small machine; a deploy that is not healthy soon is not worth waiting for. */
const shortenPatience = async ({ directory }: Stack): Promise<void> => {
  const path = join(directory, '.env');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/^MAX_ATTEMPTS=.*$/m, 'MAX_ATTEMPTS=20'));
  say('   (.env now has MAX_ATTEMPTS=20, SLEEP_SECONDS=1: a new version has 20 s to become healthy)');
};

const main = async (): Promise<boolean> => {
  const registry = process.env.KALEEM_TEST_REGISTRY;
  if (registry === undefined) {
    say('KALEEM_TEST_REGISTRY is not set: run scripts/demo.sh, which prepares everything');
    return false;
  }
  const stack = await createStack({
    ...{ registry, version: 'v0.0.1', prefix: 'kaleem-demo', attempts: 90, sleepSeconds: 1 },
    config: 'images: [KALEEM_API_IMAGE, KALEEM_FRONTEND_IMAGE]\n',
  });
  const findings = openFindings();
  let ending: Promise<never> | null = null;
  const end = async (status: number): Promise<never> => {
    say('\ninterrupted: cleaning up');
    await interruptCommand();
    await stack.remove().catch((error: unknown) => say(String(error)));
    process.exit(status);
  };
  process.on('SIGINT', () => {
    ending ??= end(130);
  });
  process.on('SIGTERM', () => {
    ending ??= end(143);
  });
  try {
    say(
      `The stack is in ${stack.directory}: compose.yml, nginx/nginx.conf, .env, and a kaleem-deploy.yml of one line.`,
    );
    await firstDeploy(stack, findings);
    await shortenPatience(stack);
    await goodDeploy(stack, findings);
    await badDeploy(stack, findings);
  } catch (error) {
    // What an interruption breaks is no finding.
    if (ending !== null) await ending;
    findings.check('the demo itself', error instanceof Error ? error.message : String(error), false);
  } finally {
    if (ending !== null) await ending;
    heading('Cleaning up, and what was seen:');
    await stack.remove();
  }
  const ok = findings.summary();
  say(
    `\n${ok ? 'Everything as promised' : 'NOT everything as promised'}, after ${seconds(performance.now() - started)}.`,
  );
  return ok;
};

process.exitCode = (await main()) ? 0 : 1;
