// Loaded before anything else by `node --require`: in the agent's own process, and in none that it starts, the time is
// KALEEM_CLOCK_START (milliseconds) plus KALEEM_CLOCK_SPEED times what has gone by since KALEEM_CLOCK_ORIGIN.
const { KALEEM_CLOCK_START, KALEEM_CLOCK_ORIGIN, KALEEM_CLOCK_SPEED } = process.env;
if (process.argv[2] === 'agent') {
  const [start, origin, speed] = [KALEEM_CLOCK_START, KALEEM_CLOCK_ORIGIN, KALEEM_CLOCK_SPEED].map(Number);
  const RealDate = Date;
  const now = () => Math.floor(start + (RealDate.now() - origin) * speed);
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length === 0 ? [now()] : given));
    }
    static now() {
      return now();
    }
  };
  const monotonic = performance.now.bind(performance);
  performance.now = () => monotonic() * speed;
  const timers = require('node:timers/promises');
  const wait = timers.setTimeout;
  timers.setTimeout = (ms, ...rest) => wait(ms / speed, ...rest);
  require('node:module').syncBuiltinESMExports();
}
