import { linesOf } from '../../system/lines.ts';
import { findPackages, installPackages } from './apt.ts';
import type { Found } from './look.ts';
import { isAtLeast } from './numbers.ts';
import { LEAST, type Wanted } from './packages.ts';
import { type Finding, ok, refuse, type Step } from './step.ts';

/** Prints the versions once all three answer. */
const START = `
set -e
systemctl enable --now docker.service
tries=0
until docker version --format '{{.Server.Version}}' 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -ge 240 ]; then
    journalctl --unit docker --lines 10 --no-pager >&2
    exit 1
  fi
  sleep 0.25
done
docker compose version --short
iptables -V >/dev/null
`;

/** An engine that is too old is replaced only when nothing runs on it: its containers would stop. */
const assertReplaceable = (found: Found, engine: string): void => {
  const running = linesOf(found.get('containers') ?? '').length;
  if (running === 0) return;
  refuse(
    `Docker ${engine} is too old (${LEAST.engine} or newer is needed), and ${running} containers run on it`,
    'upgrade it yourself when they may stop: https://docs.docker.com/engine/install/',
  );
};

const missingOf = (found: Found): readonly Wanted[] => {
  const engine = found.get('engine')?.trim();
  const isThere = found.has('dockerd');
  const engineMissing = isThere
    ? engine !== undefined && !isAtLeast(engine, LEAST.engine)
    : !isAtLeast(engine, LEAST.engine);
  if (engineMissing && engine) assertReplaceable(found, engine);
  return [
    ...(engineMissing ? (['engine'] as const) : []),
    ...(isAtLeast(found.get('compose'), LEAST.compose) ? [] : (['compose'] as const)),
  ];
};

const NAMES = { engine: 'Docker', compose: 'Compose', node: 'Node' } as const satisfies Record<Wanted, string>;

export const dockerStep: Step = {
  name: 'Docker',
  decide(found): Finding {
    const [engine, compose] = [found.get('engine')?.trim(), found.get('compose')?.trim()];
    const missing = missingOf(found);
    const plain = found.has('iptables') ? [] : ['iptables'];
    if (missing.length + plain.length === 0 && engine !== undefined) return ok(`Docker ${engine}, Compose ${compose}`);
    const names = [...missing.map((each) => NAMES[each]), ...plain];
    return {
      is: 'change',
      would: names.length === 0 ? 'start Docker' : `install ${names.join(', ')}`,
      async act(site) {
        const packages = missing.length === 0 ? [] : await findPackages(site, found, missing);
        if (packages.length + plain.length > 0) await installPackages(site, [...packages, ...plain]);
        const [docker, plugin] = linesOf(await site.sh('starting Docker', START));
        return `${names.length === 0 ? 'started' : `installed ${[...packages, ...plain].join(' ')}`}: Docker ${docker}, Compose ${plugin}`;
      },
    };
  },
};
