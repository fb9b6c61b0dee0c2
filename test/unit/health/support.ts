import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as NetServer, type Socket } from 'node:net';
import type { ContainerState } from '../../../src/compose/engine.ts';
import { DeadlineReached, type Gate, type GateContext, type GateResult } from '../../../src/health/gate.ts';
import { systemCommands } from '../../../src/system/command.ts';

/** A context in which every address is as given and nothing is known of containers. */
export const context = (overrides: Partial<GateContext> = {}): GateContext => ({
  commands: systemCommands,
  reach: async (host, port) => ({ host, port, via: 'as-given', service: null }),
  container: async () => [],
  exec: async () => ({ exitCode: 0, stdout: '', stderr: '', timedOut: false }),
  plannedImageId: () => null,
  baseline: () => null,
  ...overrides,
});

export const base = { name: 'gate', attempts: 1, intervalMs: 1000, timeoutMs: 1000 } as const;

export const NEW = `sha256:${'b'.repeat(64)}`;
export const OLD = `sha256:${'a'.repeat(64)}`;

export const containerState = (overrides: Partial<ContainerState> = {}): ContainerState => ({
  id: 'c1',
  name: 'kaleem-api-1',
  service: 'api',
  number: 1,
  image: 'kaleem/api:v0.0.2',
  imageId: NEW,
  state: 'running',
  health: null,
  restartCount: 0,
  startedAt: '2026-01-01T00:00:00Z',
  exitCode: 0,
  oomKilled: false,
  restartPolicy: 'no',
  configHash: '',
  configFiles: [],
  workingDirectory: '/srv/kaleem',
  oneOff: false,
  labels: {},
  networks: [],
  ports: [],
  mounts: [],
  pid: 100,
  hostNetwork: false,
  ...overrides,
});

/** One try with a deadline, as the poller makes it. */
export const tryGate = async (gate: Gate, limitMs = 1500): Promise<GateResult> => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineReached(limitMs)), limitMs);
  try {
    return await gate.check(controller.signal);
  } catch (error) {
    if (error instanceof DeadlineReached) return { ok: false, detail: `deadline: ${error.message}` };
    throw error;
  } finally {
    clearTimeout(timer);
  }
};

type Closable = Server | NetServer;

/** Servers on random loopback ports, all closed by `closeAll` with every connection they have. */
export const createServers = () => {
  const open = new Set<Closable>();
  const sockets = new Set<Socket>();
  const listen = async (server: Closable, host = '127.0.0.1'): Promise<number> => {
    open.add(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return (server.address() as AddressInfo).port;
  };
  return {
    listen,
    http: async (handler: RequestListener) => listen(createServer(handler)),
    tcp: async (onSocket: (socket: Socket) => void) => listen(createTcpServer(onSocket)),
    /** A port on which nothing listens. */
    async unusedPort() {
      const server = createTcpServer();
      const port = await listen(server);
      await new Promise((resolve) => server.close(resolve));
      open.delete(server);
      return port;
    },
    connections: () => sockets.size,
    async closeAll() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([...open].map((server) => new Promise((resolve) => server.close(resolve))));
      open.clear();
    },
  };
};
