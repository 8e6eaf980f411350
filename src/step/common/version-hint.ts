/** What to do where a node runs a version of Kubernetes and the config asks for another; both with v. Nothing ever goes back. */
export function otherVersionHint(running: string, wanted: string): string {
  return wanted.localeCompare(running, 'en', { numeric: true }) < 0
    ? `the cluster was upgraded: write spec.kubernetes.version: ${running} into the config; where that was interrupted, first kubexm cluster upgrade --to ${running}`
    : `kubexm cluster upgrade --to ${wanted}; or stay, with spec.kubernetes.version: ${running} in the config`;
}
