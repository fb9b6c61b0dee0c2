import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeployError } from '../errors.ts';
import { startDetached } from '../system/detached.ts';
import { replaceFile } from '../system/durable-file.ts';
import type { Context } from './context.ts';
import { requireFirewall, turnOff } from './maintenance-off.ts';
import { MAINTENANCE_FILE, type Maintenance, readMaintenance } from './maintenance-record.ts';
import { findOldGood, type OldGood } from './old-good.ts';
import { inOperation, type Session } from './operate.ts';
import type { MaintenanceMode } from './requests.ts';
import type { MaintenanceResult } from './results.ts';
import type { OperationScope } from './scope.ts';
import { holdRestarts, ofServices, projectContainers } from './writers.ts';

/** A process of its own answers 503 until `maintenance off`. */
const startResponder = async (context: Context, operation: string): Promise<{ pid: number; port: number }> => {
  const program = fileURLToPath(
    new URL(`../deploy/fence/responder-process${extname(import.meta.url)}`, import.meta.url),
  );
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
