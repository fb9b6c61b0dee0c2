import { z } from 'zod';

const source = z.looseObject({ content: z.string().optional(), environment: z.string().optional() }).nullable();
const uses = z.array(z.looseObject({ source: z.string() })).nullish();
const document = z.looseObject({
  services: z.record(z.string(), z.looseObject({ configs: uses, secrets: uses })),
  configs: z.record(z.string(), source).nullish(),
  secrets: z.record(z.string(), source).nullish(),
});

/**
 * Services of a rendered file with a config or secret that is no file: newer Compose writes those into a container when it
 * starts it, so that Compose itself must start it the first time.
 */
export const writtenAtStart = (text: string): ReadonlySet<string> => {
  const { services, configs, secrets } = document.parse(JSON.parse(text));
  const isInline = (found: z.infer<typeof source> | undefined): boolean =>
    found?.content !== undefined || found?.environment !== undefined;
  return new Set(
    Object.entries(services)
      .filter(
        ([, service]) =>
          service.configs?.some((each) => isInline(configs?.[each.source])) ||
          service.secrets?.some((each) => isInline(secrets?.[each.source])),
      )
      .map(([name]) => name),
  );
};
