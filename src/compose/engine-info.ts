import { z } from 'zod';
import { DeployError } from '../errors.ts';
import type { CommandRunner } from '../system/command.ts';
import { type Endpoint, findEndpoint } from './endpoint.ts';
import type { EngineInfo, ImageInfo } from './engine.ts';

const info = z.looseObject({
  ID: z.string().nullish(),
  ServerVersion: z.string().nullish(),
  OSType: z.string().nullish(),
  Architecture: z.string().nullish(),
  DockerRootDir: z.string().nullish(),
  OperatingSystem: z.string().nullish(),
  SecurityOptions: z.array(z.string()).nullish(),
  ServerErrors: z.array(z.string()).nullish(),
});

/** As the kernel calls a machine -> as registries do. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm/v7',
  armv6l: 'arm/v6',
  i686: '386',
};

/** As `docker info` asks for it. @throws DeployError 'docker-unreachable' */
export const engineInfo = async (
  deps: { readonly commands: CommandRunner; readonly environment: Readonly<Record<string, string>> },
  docker: (args: readonly string[]) => Promise<string>,
  signal?: AbortSignal,
): Promise<EngineInfo> => {
  const [json, endpoint] = await Promise.all([docker(['info', '--format', '{{json .}}']), findEndpoint(deps, signal)]);
  return describeEngine(parse(json), endpoint);
};

/** The engine's own answer, in our words. @throws DeployError 'docker-unreachable' */
export const describeEngine = (answer: unknown, endpoint: Endpoint): EngineInfo => {
  const found = info.safeParse(answer);
  if (!found.success || !found.data.ID) {
    const said = found.success ? found.data.ServerErrors?.at(-1) : undefined;
    throw new DeployError(
      'docker-unreachable',
      `the Docker engine at ${endpoint.url} does not answer: ${said ?? 'no reason given'}`,
      {
        hint: 'start it: sudo systemctl start docker (or look at DOCKER_HOST and `docker context ls`)',
      },
    );
  }
  const { data } = found;
  const machine = data.Architecture ?? '';
  return {
    id: data.ID ?? '',
    version: data.ServerVersion ?? '',
    architecture: `${data.OSType || 'linux'}/${ARCHITECTURES[machine] ?? machine}`,
    rootDirectory: data.DockerRootDir ?? '',
    rootless: (data.SecurityOptions ?? []).some((option) => /(?:^|name=)rootless/.test(option)),
    // Docker Desktop's socket is local, its containers are in a virtual machine.
    local: endpoint.kind === 'unix' && !/docker desktop/i.test(data.OperatingSystem ?? ''),
    host: endpoint.host,
  };
};

const image = z.looseObject({
  Id: z.string(),
  RepoDigests: z.array(z.string()).nullish(),
  RepoTags: z.array(z.string()).nullish(),
  Os: z.string().nullish(),
  Architecture: z.string().nullish(),
  Variant: z.string().nullish(),
  Size: z.number().nullish(),
});

/** One element of `docker image inspect`, in our words. */
export const imageInfo = (inspected: unknown): ImageInfo => {
  const { Id, RepoDigests, RepoTags, Os, Architecture, Variant, Size } = image.parse(inspected);
  return {
    id: Id,
    repoDigests: RepoDigests ?? [],
    repoTags: RepoTags ?? [],
    architecture: [Os || 'linux', Architecture, Variant].filter(Boolean).join('/'),
    sizeBytes: Size ?? 0,
  };
};

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
};
