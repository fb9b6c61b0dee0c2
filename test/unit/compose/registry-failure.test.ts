import { expect, test } from 'vitest';
import { classifyRegistryFailure } from '../../../src/compose/registry-failure.ts';

const daemon = (text: string) => `Error response from daemon: ${text}`;

test.each([
  ['not-found', daemon('manifest for 127.0.0.1:5000/library/redis:nope not found: manifest unknown: manifest unknown')],
  ['not-found', daemon('manifest for localhost/app:429 not found: manifest unknown: manifest unknown')],
  ['not-found', 'manifest unknown: manifest unknown'],
  ['not-found', daemon('name unknown: repository name not known to registry')],
  ['not-found', 'errors:\nname_unknown: The repository with name x does not exist'],
  ['not-found', daemon('received unexpected HTTP status: 404 Not Found')],
  ['denied', daemon('unauthorized')],
  ['denied', daemon('denied')],
  ['denied', daemon('Get "https://ghcr.io/v2/owner/app/manifests/v1": denied: denied')],
  ['denied', daemon('error from registry: denied')],
  [
    'denied',
    daemon(
      "pull access denied for owner/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ),
  ],
  ['denied', daemon('Head "https://ghcr.io/v2/owner/app/manifests/v1": unauthorized: authentication required')],
  ['denied', daemon('Get "https://registry.example.com/v2/": no basic auth credentials')],
  ['denied', daemon('Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password')],
  ['denied', daemon('received unexpected HTTP status: 403 Forbidden')],
  ['denied', 'error getting credentials - err: exit status 1, out: `pass not initialized: exit status 1`'],
  ['wrong-architecture', 'no matching manifest for linux/arm64/v8 in the manifest list entries'],
  [
    'wrong-architecture',
    daemon(
      'no matching manifest for linux/arm64 in the manifest list entries: no match for platform in manifest: not found',
    ),
  ],
  [
    'wrong-architecture',
    daemon(
      'image with reference app:v1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64',
    ),
  ],
  ['disk-full', 'failed to register layer: write /usr/lib/x.so: no space left on device'],
  ['permanent', daemon('Get "https://127.0.0.1:5001/v2/": http: server gave HTTP response to HTTPS client')],
  [
    'permanent',
    daemon(
      'Get "https://registry.example.com/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ),
  ],
  ['permanent', 'invalid reference format: repository name (library/X) must be lowercase'],
  ['permanent', daemon('unsupported media type application/vnd.example')],
  ['permanent', 'something that nobody has seen before'],
  ['permanent', ''],
])('not tried again: %s: %s', (kind, message) => {
  expect(classifyRegistryFailure(message)).toEqual({ kind, retry: false, retryAfterMs: null });
});

test.each([
  daemon(
    'Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
  ),
  daemon('Get "https://ghcr.io/v2/": dial tcp 140.82.121.33:443: i/o timeout'),
  daemon('Get "https://ghcr.io/v2/": net/http: TLS handshake timeout'),
  daemon('Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused'),
  daemon('Get "https://nohost.invalid/v2/": dial tcp: lookup nohost.invalid on 10.0.0.1:53: no such host'),
  daemon('Get "https://x.io/v2/": dial tcp: lookup x.io on 127.0.0.53:53: server misbehaving'),
  daemon('Get "https://x.io/v2/": dial tcp: lookup x.io: Temporary failure in name resolution'),
  daemon('Head "http://127.0.0.1:5997/v2/x/manifests/v1": EOF'),
  'unexpected EOF',
  daemon('read tcp 10.0.0.2:5000->1.2.3.4:443: read: connection reset by peer'),
  daemon('Get "https://auth.docker.io/token": context deadline exceeded'),
  daemon('dial tcp [2606::1]:443: connect: network is unreachable'),
  daemon('dial tcp 1.2.3.4:443: connect: no route to host'),
  daemon('received unexpected HTTP status: 503 Service Unavailable'),
  daemon('received unexpected HTTP status: 502 Bad Gateway'),
  daemon('received unexpected HTTP status: 500 Internal Server Error'),
  daemon('Head "https://ghcr.io/v2/denied-app/manifests/v1": dial tcp 1.2.3.4:443: i/o timeout'),
  daemon('proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused'),
  'filesystem layer verification failed for digest sha256:0123',
  'write tcp 10.0.0.2:1->1.2.3.4:443: write: broken pipe',
  'http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR',
  'stream error: stream ID 5; INTERNAL_ERROR; received from peer',
])('tried again: %s', (message) => {
  expect(classifyRegistryFailure(message)).toEqual({ kind: 'transient', retry: true, retryAfterMs: null });
});

test.each([
  [
    daemon('toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating'),
    null,
  ],
  [daemon('toomanyrequests: rate exceeded'), null],
  [daemon('toomanyrequests: retry-after: 766.09µs, allowed: 44000/minute'), 1],
  [daemon('toomanyrequests: retry-after: 30s'), 30_000],
  [daemon('received unexpected HTTP status: 429 Too Many Requests (Retry-After: 12)'), 12_000],
  ['Too Many Requests, retry after 2 min', 120_000],
  ['Too Many Requests, retry after 250ms', 250],
])('a limit is waited for, as long as it says: %s', (message, retryAfterMs) => {
  expect(classifyRegistryFailure(message)).toEqual({ kind: 'rate-limited', retry: true, retryAfterMs });
});
