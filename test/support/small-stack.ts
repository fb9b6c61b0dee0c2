/**
 * The parts of Kaleem that a deploy is about, without the servers that only take time to start: MongoDB, the api, nginx,
 * and a redis that nothing depends on.
 */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: variables of Compose are meant.
export const SMALL_COMPOSE = `
x-health: &health
  interval: 2s
  timeout: 3s
  retries: 5
  start_period: 20s
  start_interval: 500ms
services:
  mongo:
    image: mongo:7
    command: ["--replSet", "rs0", "--bind_ip_all"]
    restart: unless-stopped
    volumes: ["mongo-data:/data/db", "mongo-config:/data/configdb"]
    healthcheck:
      <<: *health
      test: ["CMD", "mongosh", "--quiet", "--eval", "db.adminCommand('ping').ok"]
  redis:
    image: redis:7
    restart: always
    stop_grace_period: 2s
    volumes: ["redis-data:/data"]
  api:
    image: \${KALEEM_API_IMAGE:?}
    restart: unless-stopped
    hostname: api-of-kaleem
    shm_size: 32m
    ulimits: { nofile: { soft: 2048, hard: 4096 } }
    stop_grace_period: 5s
    environment:
      MONGODB_URI: \${MONGODB_URI}
    ports: ["127.0.0.1:\${API_PORT}:3000"]
    depends_on:
      mongo: { condition: service_healthy }
    healthcheck:
      <<: *health
      test: ["CMD", "node", "health-check.js"]
  nginx:
    image: nginx:1.27
    restart: unless-stopped
    stop_grace_period: 5s
    ports: ["\${HTTP_PORT}:80"]
    volumes: ["./nginx/nginx.conf:/etc/nginx/nginx.conf:ro"]
    depends_on:
      api: { condition: service_healthy }
volumes:
  mongo-data:
  mongo-config:
  redis-data:
`;
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the same.

/**
 * Health checks that cost next to nothing and are not in a hurry: the machine has other things to do, and a check that starts
 * a Node each time would be most of them. That a bad version is bad is then for the gate to find, over HTTP.
 */
export const withCheapChecks = (compose: string): string =>
  compose
    .replace(/test: \["CMD", "node".*\]/, `test: ${listening(3000)}`)
    .replace(/test: \["CMD", "mongosh".*\]/, `test: ${listening(27017)}`)
    .replace('interval: 2s', 'interval: 5s')
    .replace('timeout: 3s', 'timeout: 20s');
const listening = (port: number): string => JSON.stringify(['CMD', 'bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`]);
