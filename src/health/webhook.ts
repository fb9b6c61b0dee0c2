import type { GateSpec } from '../config/config.ts';
import type { Gate, GateContext } from './gate.ts';
import { requestGate } from './http.ts';

/** POST of the payload, as JSON unless `requestHeaders` says otherwise; the answer must be as expected. */
export const webhookGate = (spec: Extract<GateSpec, { type: 'webhook' }>, context: GateContext): Gate => {
  const saysType = Object.keys(spec.requestHeaders).some((name) => name.toLowerCase() === 'content-type');
  const requestHeaders = saysType
    ? spec.requestHeaders
    : { 'content-type': 'application/json', ...spec.requestHeaders };
  return requestGate({ ...spec, method: 'POST', requestHeaders }, context);
};
