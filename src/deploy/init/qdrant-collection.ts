import { reach } from '../../compose/address.ts';
import { DeployError } from '../../errors.ts';
import { projectContainers } from '../writers.ts';
import type { InitStep } from './step.ts';

const QDRANT_PORT = 6333;
const TIMEOUT_MS = 10_000;

/** Creates a collection where there is none. One of another vector size is an error: nothing of it is changed. */
export const qdrantCollection: InitStep<'qdrant-collection'> = async (context, spec) => {
  const at = reach({ host: spec.service, port: QDRANT_PORT }, await projectContainers(context), context.engine);
  const url = `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}/collections/${encodeURIComponent(spec.collection)}`;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const apiKey = context.config.environment.QDRANT_API_KEY;
  const headers = { 'content-type': 'application/json', ...(apiKey ? { 'api-key': apiKey } : {}) };
  const found = await fetch(url, { signal, headers });
  if (found.ok) {
    const body = (await found.json()) as { result?: { config?: { params?: { vectors?: { size?: number } } } } };
    const size = body.result?.config?.params?.vectors?.size;
    if (size === undefined || size === spec.size) return `collection ${spec.collection} is there`;
    throw new DeployError(
      'check-failed',
      `Qdrant collection ${spec.collection} has vectors of size ${size}, not ${spec.size}`,
      {
        hint: 'correct `init` in kaleem-deploy.yml, or give the collection another name',
      },
    );
  }
  const created = await fetch(url, {
    ...{ method: 'PUT', signal, headers },
    body: JSON.stringify({ vectors: { size: spec.size, distance: spec.distance } }),
  });
  if (!created.ok) {
    const answer = (await created.text()).slice(0, 200);
    throw new DeployError('check-failed', `Qdrant refused to create ${spec.collection}: ${created.status} ${answer}`);
  }
  return `collection ${spec.collection} created`;
};
