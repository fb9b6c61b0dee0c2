import { DeployError } from '../errors.ts';
import type { JournalEntry } from '../operation/journal.ts';
import { readJournal } from '../operation/journal-read.ts';
import { listOperations, type Operation } from '../operation/operations.ts';
import { journalOf } from '../operation/records.ts';
import type { StateDirectory } from '../operation/state.ts';
import { endProcess } from '../system/detached.ts';
import { removeDurably } from '../system/durable-file.ts';
import type { Context } from './context.ts';
import { type Firewall, openFirewall } from './fence/firewall.ts';
import { MAINTENANCE_FILE, type Maintenance } from './maintenance-record.ts';
import type { OperationScope } from './scope.ts';
import { projectContainers, releaseRestarts } from './writers.ts';

const outOfReach = (): DeployError =>
  new DeployError('unsupported', 'the firewall is out of reach: not root, or no iptables', {
    hint: 'run this as root; without the firewall, `docker compose stop` is the only maintenance mode',
  });

export const requireFirewall = async (context: Context): Promise<Firewall> => {
  const firewall = await openFirewall(context.commands);
  if (firewall === null) throw outOfReach();
  return firewall;
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

/** Lifts every fence of the project and gives every container the restart policy back that a fence took away. */
export const turnOff = async (
  context: Context,
  { state, operation }: Pick<OperationScope, 'state' | 'operation'>,
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
