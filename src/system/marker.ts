/** The variable that every process of a run carries: what is left of it after a crash is found by it (see orphans.ts). */
export const MARKER_VARIABLE = 'KALEEM_DEPLOY_RUNNER';

/** Whether a text can be a marker: file and unit names are made of it. */
export const isMarker = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

/** This process's own marker; null where it is no runner and was not started by one. */
export const runnerMarker = (): string | null => {
  const marker = process.env[MARKER_VARIABLE];
  return marker !== undefined && isMarker(marker) ? marker : null;
};

/** The variable, for the environment of a child; empty where this process has no marker. */
export const markerEnvironment = (): Readonly<Record<string, string>> => {
  const marker = runnerMarker();
  return marker === null ? {} : { [MARKER_VARIABLE]: marker };
};
