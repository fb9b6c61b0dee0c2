import type { Operation } from '../operation/operations.ts';
import type { ReleaseStore } from '../operation/releases.ts';
import type { StateDirectory } from '../operation/state.ts';
import type { StepReport } from './results.ts';

/** What an operation has of its own, once it has begun. */
export interface OperationScope {
  readonly state: StateDirectory;
  readonly releases: ReleaseStore;
  readonly operation: Operation;
  /** What was done so far. */
  readonly steps: readonly StepReport[];
}
