// Loaded before anything else by `node --require` in the torture suites: the random parts of file names are what
// KALEEM_TORTURE_RUN (four hex digits) says, so that strace can be told beforehand which file to fail.
const crypto = require('node:crypto');

const real = crypto.randomBytes;
const digits = process.env.KALEEM_TORTURE_RUN;
/** Bytes that operations (2) and temporary files (4) ask for. */
const given = { 2: Buffer.from(digits, 'hex'), 4: Buffer.from(`${digits}${digits}`, 'hex') };
crypto.randomBytes = (size, ...rest) => (rest.length === 0 && given[size]) || real(size, ...rest);
require('node:module').syncBuiltinESMExports();
