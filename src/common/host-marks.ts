/** Files and marks by which kubexm knows on a host what is its own. POSIX paths. */
export const hostMarks = {
  /** There wherever kubexm has been at work. */
  state: '/var/lib/kubexm',
  /** First line of text files that are kubexm's alone. */
  generated: '# Written by kubexm; changes made here are overwritten.',
  modulesFile: '/etc/modules-load.d/kubexm.conf',
  sysctlFile: '/etc/sysctl.d/99-kubexm.conf',
  hostsBegin: '# BEGIN kubexm',
  hostsEnd: '# END kubexm',
  /** Stands before a line of /etc/fstab that kubexm turned off; what follows is the line as it was. */
  fstabOff: '# kubexm turned this off: ',
  /** One JSON file per archive: what was extracted from it. */
  extracted: '/var/lib/kubexm/extracted',
  /** Changed whenever kubexm refreshed the package lists. */
  packageLists: '/var/lib/kubexm/package-lists',
  /** One JSON file per subject: what stood on the host before kubexm first changed it, for the day it is to be put back. */
  before: '/var/lib/kubexm/before',
  /** One JSON file per service: with which inputs its current run was started. Gone after a boot, as the run is. */
  serviceStamps: '/run/kubexm/services',
} as const;
