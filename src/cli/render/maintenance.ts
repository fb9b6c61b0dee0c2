import type { MaintenanceResult } from '../../deploy/results.ts';

export const maintenanceLines = ({ fence, changed }: MaintenanceResult): readonly string[] => {
  const already = changed ? '' : ' already';
  return fence === 'raised'
    ? [`maintenance is${already} on: requests get 503 until \`kaleem-deploy maintenance off\``]
    : [`maintenance is${already} off: requests get through`];
};
