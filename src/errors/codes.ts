/**
 * The catalogue of error codes: what went wrong in one word that scripts may match on, with the exit code it leads to.
 * Exit codes: 0 done, 1 failed, 2 usage or config error, 3 partly done, 4 refused by a guard, 130 interrupted.
 */
export const exitCodes = {
  ARTIFACT_CHECKSUM: 1,
  ARTIFACT_DOWNLOAD: 1,
  ARTIFACT_UNKNOWN: 2,
  CACHE_BROKEN: 1,
  CANCELLED: 130,
  COMMAND_FAILED: 1,
  COMMAND_TIMEOUT: 1,
  CONFIG_INVALID: 2,
  CONFIG_NOT_FOUND: 2,
  CONNECTOR_CLOSED: 1,
  FILE_MISSING: 1,
  GRAPH_INVALID: 1,
  GUARD_REFUSED: 4,
  HOST_DISK_FULL: 1,
  HOST_UNREACHABLE: 1,
  HOST_UNSUPPORTED: 1,
  INTERNAL: 1,
  LAB_FAILED: 1,
  LAB_GO_MISSING: 1,
  LAB_UNSUPPORTED: 1,
  LOCKED: 4,
  OUTPUT_MISSING: 1,
  PACKAGES_FAILED: 1,
  PKI_BROKEN: 1,
  PREFLIGHT_FAILED: 1,
  RUN_FAILED: 1,
  SECRET_MISSING: 2,
  SSH_AUTH: 1,
  SSH_HOST_KEY: 1,
  SSH_KEY_FILE: 2,
  STEP_NOT_EFFECTIVE: 1,
  SUDO_FAILED: 1,
  TEMPLATE_BROKEN: 1,
  TRANSFER_FAILED: 1,
  USAGE: 2,
  WAIT_TIMEOUT: 1,
} as const;

/** One of the codes of the catalogue. */
export type ErrorCode = keyof typeof exitCodes;
