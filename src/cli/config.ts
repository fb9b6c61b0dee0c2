import { type DefineVerb, examples } from './verb.ts';

export const defineConfig: DefineVerb = (program, schedule) => {
  const command = program
    .command('config')
    .description('the configuration as it was understood, secrets masked')
    .addHelpText(
      'after',
      examples([
        ['config', 'from kaleem-deploy.yml, .env and the environment'],
        ['config -d staging', 'with the overlay kaleem-deploy.staging.yml'],
      ]),
    );
  command.action(() =>
    schedule({
      command,
      interruption: 'reads',
      job: async (session) => {
        const config = await session.config();
        const [{ maskedConfig }, { default: yaml }] = await Promise.all([
          import('../config/describe.ts'),
          import('yaml'),
        ]);
        const masked = maskedConfig(config);
        session.show(masked, () => yaml.stringify(masked).trimEnd().split('\n'));
        return undefined;
      },
    }),
  );
};
