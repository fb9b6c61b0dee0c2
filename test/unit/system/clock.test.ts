import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../src/system/clock.ts';
import { clockContract } from '../../contract/clock.ts';

clockContract('the system’s clock', () => ({ clock: systemClock, pass: (ms) => delay(ms + 2) }));
