/** A pause, somewhat longer or shorter: so that many hosts don't come back all at once. */
export const spread = (ms: number): number => ms * (0.75 + Math.random() / 2);
