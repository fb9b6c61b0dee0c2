import { listBackups } from '../backup/catalogue.ts';
import { filterText } from '../backup/namespace-filter.ts';
import { operationName, unfinishedOperations } from '../operation/operations.ts';
import { listReleases } from '../operation/releases.ts';
import { findState } from '../operation/state.ts';
import type { Context } from './context.ts';
import type { Session } from './operate.ts';
import type { DeployPlan } from './plan.ts';
import { planDeploy } from './plan-deploy.ts';
import { planRestore, planRollback } from './plan-rollback.ts';
import { type Planner, prepare } from './prepare.ts';
import { type PrunePreview, previewPruneCopies, pullSteps, pushSteps, sourceAtPlace } from './preview-copies.ts';
import type { OperationRequest, RestoreRequest } from './requests.ts';
import { imageChanges } from './result.ts';
import type { Plan } from './results.ts';
import { snapshotName } from './volume/record.ts';
import { chooseSnapshots } from './volume/sweep.ts';
import { backupsToRemove, releasesToRemove } from './what-to-remove.ts';

/** Where a restore's backup comes from; undefined: from this host. */
const sourceOf = ({ from, backup }: RestoreRequest) =>
  from === null ? undefined : (context: Context) => sourceAtPlace(context, { backup, from });

const planners = (context: Context, asked: OperationRequest): Planner | null => {
  switch (asked.kind) {
    case 'deploy':
      return (_, old) => planDeploy(context, asked.request, old);
    case 'rollback':
      return async (_, old, releases) => planRollback(context, releases, asked.request, await old);
    case 'restore':
      return async (_, old) => planRestore(context, asked.request, await old, sourceOf(asked.request));
    default:
      return null;
  }
};

const SECURING = {
  archive: 'back up the database and verify the archive',
  volume: 'stop the database, take a snapshot of its volume, start it again; back it up once the new version serves',
  auto: 'back up the database and verify the archive; or take a snapshot of its volume, where that is quicker',
} as const;

/** The runbook in words, as far as this plan goes through it. */
const stepsOf = ({ config }: Context, plan: DeployPlan): readonly string[] => {
  const names = (all: Iterable<string>): string => [...all].join(', ');
  const fenced = plan.writersChange;
  // A kept release's image is here under a tag of our own.
  const pulled = plan.keepsRelease
    ? []
    : plan.images.flatMap(({ digest, pinned }) => (digest !== null && pinned.includes('@') ? [pinned] : []));
  const hook = (name: keyof typeof config.hooks) => (config.hooks[name] === undefined ? [] : [`run the ${name} hook`]);
  return [
    ...hook('pre-deploy'),
    ...(pulled.length > 0 ? [`pull ${pulled.join(', ')}`] : []),
    ...(fenced ? [`raise the fence; stop the writers (${names(plan.roles.writers)})`] : []),
    ...(fenced && config.database !== null
      ? [
          SECURING[plan.restore === null && plan.old !== null ? config.backup.beforeDeploy : 'archive'],
          ...hook('post-backup'),
        ]
      : []),
    ...(plan.restore === null ? [] : [`restore backup ${plan.restore.name}`]),
    ...(plan.changed.size > 0 ? [`replace ${names(plan.changed)}`] : []),
    ...hook('migrate'),
    `start in order: ${plan.levels.map((level) => level.join(' + ')).join(' -> ')}`,
    `verify: ${config.gates.after.map((gate) => gate.name).join(', ') || 'containers only'}`,
    ...(plan.keepsRelease ? [] : [`commit ${plan.tag} as the live release (tag into ${config.compose.envFile})`]),
    ...(fenced ? ['lift the fence'] : []),
    ...hook('post-deploy'),
  ];
};

const stepsBefore = (asked: OperationRequest): readonly string[] =>
  asked.kind === 'restore' && asked.request.from !== null
    ? [`bring backup ${asked.request.backup} from ${asked.request.from} and verify it`]
    : [];

/** What the last release's downtime was, or, before there is one, how long the last backup took. */
const expectedDowntime = async (context: Context, plan: DeployPlan): Promise<number | null> => {
  if (!plan.writersChange) return 0;
  if (plan.old?.release.downtimeMs) return plan.old.release.downtimeMs;
  const [newest] = await listBackups(context.config.backup.directory);
  return newest?.manifest?.durationMs ?? null;
};

const destroysOf = (plan: DeployPlan): readonly string[] => {
  if (plan.restore === null) return [];
  const { name, filter, partial } = plan.restore;
  const what = filter === null && !partial ? 'everything in the database is' : 'what it holds of the database is';
  const chosen = filter === null ? '' : ` ${filterText(filter)}`;
  return [
    `${what} replaced by backup ${name}${chosen} (what is there now is backed up first)`,
    ...(plan.restore.extra === 'drop' ? ['collections that the backup does not know are dropped'] : []),
  ];
};

const small = (
  asked: Pick<OperationRequest, 'kind'>,
  subject: string,
  steps: readonly string[],
  { destroys = [], warnings = [] }: Partial<Pick<Plan, 'destroys' | 'warnings'>> = {},
): Plan => ({
  ...{ kind: asked.kind, subject, steps, destroys, images: [], recreated: [], untouched: [], warnings },
  expectedDowntimeMs: null,
});

const NO_COPIES: PrunePreview = { remove: [], keep: [], warnings: [] };

const previewPrune = async (context: Context, asked: OperationRequest & { kind: 'prune' }): Promise<Plan> => {
  const { config } = context;
  const { what } = asked;
  const releases = await listReleases(config.stateDirectory);
  const gone = asked.what === 'all' ? releasesToRemove(releases, config.keepReleases) : [];
  const kept = releases.filter((release) => !gone.includes(release));
  const entries = await listBackups(config.backup.directory);
  const { keep, remove } = backupsToRemove(entries, config.backup.keep, kept);
  const copies = asked.what === 'backups' ? await previewPruneCopies(context, kept) : NO_COPIES;
  const state = what === 'all' ? await findState(config.stateDirectory) : null;
  const snapshots = state === null ? [] : await chooseSnapshots(context, state, null);
  const destroys = [
    ...gone.map((release) => `release ${release.id} ${release.tag} and the images only it uses`),
    ...remove.map(({ id, reason }) => `backup ${id}: ${reason}`),
    ...snapshots.map(({ record, reason }) => `volume snapshot ${snapshotName(record)}: ${reason}`),
    ...copies.remove,
  ];
  const steps = [
    ...(destroys.length === 0 ? ['nothing to remove'] : destroys.map((each) => `remove ${each}`)),
    ...keep.map(({ id, reason }) => `keep backup ${id}: ${reason}`),
    ...copies.keep.map((each) => `keep ${each}`),
  ];
  return small(asked, asked.what, steps, { destroys, warnings: copies.warnings });
};

const previewRecover = async (context: Context, accept: boolean): Promise<Plan> => {
  const state = await findState(context.config.stateDirectory);
  const open = state === null ? [] : (await unfinishedOperations(state)).toReversed();
  const does = accept ? 'lift the fence, and leave everything else, of' : 'finish, or undo,';
  const steps = open.length === 0 ? ['nothing to recover'] : open.map((each) => `${does} ${operationName(each)}`);
  return small({ kind: 'recover' }, '', steps);
};

/** What an operation would do. Touches nothing and takes no lock. */
export const preview = async (session: Session, asked: OperationRequest): Promise<Plan> => {
  const context = await session.context();
  if (asked.kind === 'backup') {
    const { filter } = asked.request;
    const what = filter === null ? 'the database' : `of the database ${filterText(filter)}`;
    const places = context.config.backup.copies.map(({ name }) => `copy it to ${name}`);
    return small(asked, '', [`back up ${what} and verify the archive`, ...places]);
  }
  if (asked.kind === 'push') {
    const releases = await listReleases(context.config.stateDirectory);
    return small(asked, '', await pushSteps(context, asked.request, releases));
  }
  if (asked.kind === 'pull') return small(asked, asked.request.backup, await pullSteps(context, asked.request));
  if (asked.kind === 'recover') return previewRecover(context, asked.accept);
  if (asked.kind === 'maintenance') {
    return small(asked, asked.mode, [
      asked.mode === 'on' ? 'raise the fence: outside requests get 503' : 'lift the fence',
    ]);
  }
  if (asked.kind === 'drill') {
    const steps = [
      'restore the backup into a scratch database',
      'compare what is there then with it',
      'drop the scratch database',
    ];
    return small(asked, asked.request.backup ?? 'the newest backup', steps);
  }
  if (asked.kind === 'pin') {
    const { backup, pinned } = asked.request;
    return small(asked, `backup ${backup}`, [pinned ? 'have prune keep it' : 'leave it to the rules of prune']);
  }
  if (asked.kind === 'prune') return previewPrune(context, asked);
  const planner = planners(context, asked) as Planner;
  const { plan } = await prepare(context, await findState(context.config.stateDirectory), planner);
  const services = Object.keys(plan.pinned.services);
  return {
    ...{ kind: asked.kind, subject: plan.tag, images: imageChanges(plan) },
    steps: [...stepsBefore(asked), ...stepsOf(context, plan)],
    recreated: services.filter((name) => plan.changed.has(name)),
    untouched: services.filter((name) => !plan.changed.has(name)),
    expectedDowntimeMs: await expectedDowntime(context, plan),
    destroys: destroysOf(plan),
    warnings: plan.warnings,
  };
};
