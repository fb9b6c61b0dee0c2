import type { App, OperationRequest } from '../deploy/app.ts';
import { backupDetailLines, drillLines, pinLines } from './render/backup.ts';
import { pullLines, pushLines } from './render/copies.ts';
import { deployLines } from './render/deploy.ts';
import { maintenanceLines } from './render/maintenance.ts';
import { pruneLines } from './render/prune.ts';
import { recoverLines } from './render/recover.ts';
import { restoreLines } from './render/restore.ts';
import type { View } from './render/view.ts';

type Kind = OperationRequest['kind'];
type RequestOf<K extends Kind> = Extract<OperationRequest, { readonly kind: K }>;

interface OperationVerb<K extends Kind> {
  /** In the runner. What it resolves to must survive JSON. */
  run(app: App, request: RequestOf<K>): Promise<unknown>;
  /** In the front, with what `run` resolved to. */
  lines(result: unknown, view: View): readonly string[];
}

const verb = <K extends Kind, T>(
  run: (app: App, request: RequestOf<K>) => Promise<T>,
  lines: (result: T, view: View) => readonly string[],
): OperationVerb<K> => ({ run, lines: (result, view) => lines(result as T, view) });

/** Everything that changes something: how the runner does it, and how whoever follows shows what came of it. */
const operations: { readonly [K in Kind]: OperationVerb<K> } = {
  deploy: verb((app, { request }) => app.deploy(request), deployLines),
  rollback: verb((app, { request }) => app.rollback(request), deployLines),
  recover: verb((app, { accept }) => app.recover({ accept }), recoverLines),
  restore: verb((app, { request }) => app.backupRestore(request), restoreLines),
  backup: verb((app, { request }) => app.backupCreate(request), backupDetailLines),
  maintenance: verb((app, { mode }) => app.maintenance(mode), maintenanceLines),
  drill: verb((app, { request }) => app.backupDrill(request), drillLines),
  pin: verb((app, { request }) => app.backupPin(request), pinLines),
  push: verb((app, { request }) => app.backupPush(request), pushLines),
  pull: verb((app, { request }) => app.backupPull(request), pullLines),
  prune: verb((app, { what }) => (what === 'all' ? app.prune() : app.backupPrune()), pruneLines),
};

export const runOperation = <K extends Kind>(app: App, request: RequestOf<K>): Promise<unknown> =>
  (operations[request.kind as K] as OperationVerb<K>).run(app, request);

/** Lines for the result of an operation of this kind; as JSON where another version of the tool ran it. */
export const resultLines = (kind: string, result: unknown, view: View): readonly string[] =>
  Object.hasOwn(operations, kind)
    ? operations[kind as Kind].lines(result, view)
    : JSON.stringify(result, null, 2).split('\n');
