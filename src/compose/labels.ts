/** Marks what an operation made, so that recovery finds it. Value: the operation's id. */
export const OPERATION_LABEL = 'kaleem-deploy.operation';

/** Labels that Compose gives its containers (pkg/api/labels.go in docker/compose). */
export const COMPOSE_LABELS = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
  oneOff: 'com.docker.compose.oneoff',
  configHash: 'com.docker.compose.config-hash',
  configFiles: 'com.docker.compose.project.config_files',
  workingDirectory: 'com.docker.compose.project.working_dir',
} as const;
