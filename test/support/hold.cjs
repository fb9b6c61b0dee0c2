// Loaded before anything else by a `node --require` of the torture suites. Makes libuv start its one worker thread
// (UV_THREADPOOL_SIZE=1), which does all asynchronous file work, tells its number, and stops until somebody who has
// attached strace to it sends SIGCONT. So every call is counted from the first, and by one counter.
const { readdirSync, renameSync, stat, writeFileSync } = require('node:fs');

const threads = () => readdirSync('/proc/self/task');
const before = threads();
stat('/', () => {});
const [worker] = threads().filter((thread) => !before.includes(thread));
const path = `${process.env.KALEEM_HOLD}/${process.pid}`;
writeFileSync(`${path}.tmp`, JSON.stringify({ worker: Number(worker), argv: process.argv.slice(2) }));
renameSync(`${path}.tmp`, `${path}.json`);
process.kill(process.pid, 'SIGSTOP');
