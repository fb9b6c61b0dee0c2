import { systemClock } from '../../../src/system/clock.ts';
import { startWithChannel } from '../../../src/system/detached.ts';
import { run } from './support.ts';

// Run by process.test.ts: a command whose runner closes everything that leads to it a while before it is seen to have ended.

const { channel, gone } = startWithChannel(['sh', '-c', 'exec 2>&- 3>&-; sleep 0.5'], process.env);
const { exitCode, err } = await run(['v2'], {
  ...{ app: {}, clock: systemClock },
  parts: {
    startRunner: async () => ({ marker: '0123456789abcdef', channel, gone }),
    connectToRunner: async () => null,
  },
});
process.stdout.write(JSON.stringify({ exitCode, err }));
