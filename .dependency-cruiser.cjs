/** The layers, from the one that knows everything to the one that knows nothing. Each may use what stands to its right. */
const LAYERS = ['cli', 'agent', 'remote', 'deploy', 'notify', 'backup', 'health', 'compose', 'operation', 'system'];

const oneWay = LAYERS.slice(1).map((layer, index) => ({
  name: `${layer}-does-not-look-up`,
  comment:
    `src/${layer} is used by ${LAYERS.slice(0, index + 1).join(', ')} and so may not import them. ` +
    'Way out: pass what it needs as an argument, or move the shared piece to a layer further right.',
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${LAYERS.slice(0, index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...oneWay,
    {
      name: 'no-circular',
      comment: 'A circle means two files are one idea. Way out: merge them, or move what both need into a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'config-is-data',
      comment:
        'Everyone may read configuration, so it may not depend on anyone but errors and system. ' +
        'Way out: move the behaviour into the layer that acts on the value.',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/(cli|agent|remote|deploy|notify|backup|health|compose|operation)/' },
    },
    {
      name: 'system-stands-alone',
      comment: 'src/system wraps the operating system and knows nothing of deploys. Way out: move the knowledge out.',
      severity: 'error',
      from: { path: '^src/system/' },
      to: { path: '^src/config/' },
    },
    {
      name: 'only-system-runs-processes',
      comment:
        'Child processes are started in src/system/command.ts alone, so that each has a timeout, an owner and no shell. ' +
        'Way out: take a CommandRunner.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/system/' },
      to: { path: '^(node:)?child_process$|node_modules/execa' },
    },
    {
      name: 'no-tests-in-src',
      comment: 'Shipped code does not import test code. Way out: move the helper into src.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
