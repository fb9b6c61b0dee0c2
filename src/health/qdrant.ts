import type { GateSpec } from '../config/config.ts';
import type { Gate, GateContext } from './gate.ts';
import { requestGate } from './http.ts';

/** `GET /readyz` answers 200 once every shard is up (qdrant.tech/documentation/guides/monitoring). */
export const qdrantGate = (spec: Extract<GateSpec, { type: 'qdrant' }>, context: GateContext): Gate => {
  const url = new URL(spec.url);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/readyz`;
  return requestGate(
    {
      ...spec,
      method: 'GET',
      url: url.href,
      requestHeaders: spec.apiKey === null ? {} : { 'api-key': spec.apiKey },
      expect: { status: [200] },
    },
    context,
  );
};
