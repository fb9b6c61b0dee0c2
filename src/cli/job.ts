import type { OperationRequest } from '../deploy/app.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Interruption } from './interrupt.ts';

/** What the front hands to the runner: the command line, understood. Folder and environment are the process's own. */
export interface Job {
  readonly request: OperationRequest;
  readonly options: Pick<GlobalOptions, 'config' | 'destination' | 'lockWaitMs' | 'requestId'>;
  readonly interruption: Exclude<Interruption, 'reads'>;
  /** The configuration's warnings have been told, before a question. */
  readonly warned: boolean;
}
