import { setMaxListeners } from 'node:events';
import type { CopyPlace } from '../../config/config.ts';
import { PATIENCE, type Patience, type PlaceWorld } from './patience.ts';
import type { CopyStore } from './store.ts';

/** Loads what the place needs, and connects when it is first used. */
export const openStore = async (
  place: CopyPlace,
  world: Omit<PlaceWorld, 'patience'> & { readonly patience?: Patience },
): Promise<CopyStore> => {
  // Every piece under way listens for the end.
  setMaxListeners(0, world.signal);
  const whole = { ...world, patience: world.patience ?? PATIENCE };
  return place.type === 'sftp'
    ? (await import('./sftp.ts')).openSftpStore(place, whole)
    : (await import('./s3.ts')).openS3Store(place, whole);
};
