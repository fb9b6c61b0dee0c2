/**
 * A name that whoever asks gives to what is asked: the same command again with the same one is the same operation, done once.
 * 1 to 64 letters, digits, dots, dashes and underscores.
 */
export const isRequestId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
