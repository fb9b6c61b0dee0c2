import type { Found } from './look.ts';
import { ok, refuse, type Step } from './step.ts';

export interface Distribution {
  /** `debian` or `ubuntu`. */
  readonly id: string;
  /** `bookworm`; empty where it says none. */
  readonly codename: string;
  /** `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
}

/** What a package brings with the engine, and room for a backup; the images of an application come on top. */
const ROOM_FOR_ENGINE_KB = 2 * 1024 * 1024;
const ROOM_KB = 300 * 1024;
const ADDRESSES = 'setup prepares Debian and Ubuntu; for others see "Install" in README.md';

/** The file is one of a shell's assignments: os-release(5). */
export const distributionOf = (osRelease: string): Distribution => {
  const value = (name: string): string =>
    new RegExp(`^${name}=(["']?)([^"'\\n]*)\\1$`, 'm').exec(osRelease)?.[2]?.trim() ?? '';
  return { id: value('ID'), codename: value('VERSION_CODENAME'), name: value('PRETTY_NAME') || value('ID') };
};

/** Kilobytes that are free at each place, by `df -Pk`. */
const roomIn = (df: string): readonly { readonly place: string; readonly free: number }[] =>
  df.split('\n').flatMap((line) => {
    const [, free, place] = /\s(\d+)\s+\d+%\s+(\/.*)$/.exec(line) ?? [];
    return free === undefined || place === undefined ? [] : [{ place, free: Number(free) }];
  });

const readable = (kilobytes: number): string => `${Math.floor(kilobytes / 1024)} MB`;

const assertRoom = (found: Found): void => {
  const needed = found.has('dockerd') ? ROOM_KB : ROOM_FOR_ENGINE_KB;
  const full = roomIn(found.get('disk') ?? '').find(({ free }) => free < needed);
  if (full === undefined) return;
  refuse(`${full.place} has ${readable(full.free)} left, and ${readable(needed)} are needed`, 'df -h');
};

export const systemStep: Step = {
  name: 'system',
  decide(found) {
    const { id, name } = distributionOf(found.get('os-release') ?? '');
    const shown = name || found.get('machine') || 'a system that does not say what it is';
    if (id !== 'debian' && id !== 'ubuntu') refuse(`the host has ${shown}, not Debian or Ubuntu`, ADDRESSES);
    const architecture = found.get('architecture') ?? '';
    if (architecture !== 'amd64' && architecture !== 'arm64') {
      refuse(`${shown} is of the architecture ${architecture || 'unknown'}, not amd64 or arm64`, ADDRESSES);
    }
    if (found.get('init')?.trim() !== 'systemd' || !found.has('booted')) {
      refuse(
        `process 1 of the host is ${found.get('init')?.trim() || 'unknown'}, not systemd`,
        'a container or WSL is no server: prepare the host that it runs on',
      );
    }
    assertRoom(found);
    return ok(`${shown}, ${architecture}`);
  },
};
