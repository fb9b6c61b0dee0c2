import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeployError } from '../errors.ts';
import type { JournalEntry } from '../operation/journal.ts';
import { readJournal } from '../operation/journal-read.ts';
import { listOperations, type Operation } from '../operation/operations.ts';
import { journalOf } from '../operation/records.ts';
import type { StateDirectory } from '../operation/state.ts';
import { endProcess, startDetached } from '../system/detached.ts';
import { removeDurably, replaceFile } from '../system/durable-file.ts';
import type { Context } from './context.ts';
import { type Firewall, openFirewall } from './fence/firewall.ts';
import { MAINTENANCE_FILE, type Maintenance, readMaintenance } from './maintenance-record.ts';
import { findOldGood, type OldGood } from './old-good.ts';
import { inOperation, type OperationScope, type Session } from './operate.ts';
import type { MaintenanceMode } from './requests.ts';
import type { MaintenanceResult } from './results.ts';
import { holdRestarts, ofServices, projectContainers, releaseRestarts } from './writers.ts';

const outOfReach = (): DeployError =>
  new DeployError('unsupported', 'the firewall is out of reach: not root, or no iptables', {
    hint: 'run this as root; without the firewall, `docker compose stop` is the only maintenance mode',
  });

const requireFirewall = async (context: Context): Promise<Firewall> => {
  const firewall = await openFirewall(context.commands);
  if (firewall === null) throw outOfReach();
  return firewall;
};

/** A process of its own answers 503 until `maintenance off`. */
const startResponder = async (context: Context, operation: string): Promise<{ pid: number; port: number }> => {
  const program = fileURLToPath(new URL(`./fence/responder-process${extname(import.meta.url)}`, import.meta.url));
  const retryAfter = String(context.config.fence.retryAfterSeconds);
  const { pid, firstLine } = await startDetached(
    [process.execPath, ...process.execArgv, program, operation, retryAfter],
    {},
  );
  return { pid, port: Number(firstLine) };
};

const turnOn = async (context: Context, { state, operation }: OperationScope, old: OldGood): Promise<void> => {
  const firewall = await requireFirewall(context);
  const names = [...old.roles.writers, ...old.roles.edge];
  const containers = ofServices(await projectContainers(context), names);
  const ports = containers.flatMap((each) => each.ports).filter((port) => port.published !== 0);
  const policies = Object.fromEntries(containers.map((each) => [each.service, each.restartPolicy]));
  const { pid, port } = await startResponder(context, operation.id);
  const owner = { project: context.project.name, operation: operation.id };
  const record: Maintenance = {
    operation: operation.id,
    since: context.clock.now().toISOString(),
    responderPid: pid,
    policies,
  };
  await replaceFile(state.file(MAINTENANCE_FILE), `${JSON.stringify(record)}\n`);
  await operation.effect('fence.raise', { ports, responderPort: port }, () => firewall.redirect(owner, ports, port));
  await operation.effect('fence.cut', { ports }, () => firewall.cut(owner, ports));
  await holdRestarts(context, operation, containers);
};

/** What operations that died or halted were about to do. Oldest first: what a later one found is what an earlier one left. */
const intentsOfTheDead = async (state: StateDirectory): Promise<readonly JournalEntry[]> => {
  const unfinished = (await listOperations(state)).filter(({ outcome }) => outcome === null || outcome === 'halted');
  const intents: JournalEntry[] = [];
  for (const { id } of unfinished.toReversed()) {
    const { entries } = await readJournal(journalOf(state, id));
    intents.push(...entries.filter(({ type }) => type === 'intent'));
  }
  return intents;
};

/** Policies that they held before they could give them back, by container id. */
const heldPolicies = (intents: readonly JournalEntry[]): Readonly<Record<string, string>> => {
  const held: Record<string, string> = {};
  for (const { data } of intents.filter(({ step }) => step === 'restart-policy.hold')) {
    Object.assign(held, (data as { readonly policies: Readonly<Record<string, string>> }).policies);
  }
  return held;
};

const releaseRestartsOfTheDead = async (
  context: Context,
  operation: Operation,
  held: Readonly<Record<string, string>>,
): Promise<void> => {
  for (const { id, restartPolicy } of await projectContainers(context)) {
    const policy = held[id];
    if (policy === undefined || restartPolicy !== 'no') continue;
    await operation.effect('restart-policy.release', { policy, ids: [id] }, () =>
      context.docker.setRestartPolicy([id], policy),
    );
  }
};

const turnOff = async (
  context: Context,
  { state, operation }: OperationScope,
  record: Maintenance | null,
): Promise<void> => {
  const intents = await intentsOfTheDead(state);
  const firewall = await openFirewall(context.commands);
  // A fence of stopped services has no rules; one of the firewall's can't be lifted without it.
  const hasRules = record !== null || intents.some(({ step }) => step === 'fence.raise');
  if (firewall === null && hasRules) throw outOfReach();
  if (record !== null) await releaseRestarts(context, operation, record.policies);
  await releaseRestartsOfTheDead(context, operation, heldPolicies(intents));
  // Every rule of the project's, not only this fence's: it is what one types when something was left behind.
  if (firewall !== null) {
    await operation.effect('fence.lift', {}, () => firewall.remove(context.project.name, null));
  }
  if (record !== null) await endProcess(record.responderPid, record.operation);
  await removeDurably(state.file(MAINTENANCE_FILE));
  // Of an operation that died behind its fence.
  await removeDurably(state.file('fence.json'));
};

/** The fence by hand: outside requests get 503 until it is lifted, across the end of this command. */
export const maintenance = (session: Session, mode: MaintenanceMode): Promise<MaintenanceResult> =>
  inOperation(
    session,
    { kind: 'maintenance', subject: mode },
    {
      prepare: async (context, state) => {
        const record = await readMaintenance(state);
        const old = mode === 'on' ? await findOldGood(context, null) : null;
        if (mode === 'on' && old === null) {
          throw new DeployError('release-not-found', `nothing of project ${context.project.name} runs here`, {
            hint: 'deploy first: kaleem-deploy TAG',
          });
        }
        return { record, old };
      },
      run: async (context, scope, { record, old }) => {
        const changed = mode === 'on' ? record === null : true;
        if (mode === 'on' && old !== null && changed) {
          await context.progress.step('raise the fence', () => turnOn(context, scope, old));
        }
        if (mode === 'off') await context.progress.step('lift the fence', () => turnOff(context, scope, record));
        return { operation: scope.operation.id, fence: mode === 'on' ? 'raised' : 'lifted', changed, warnings: [] };
      },
    },
  );
