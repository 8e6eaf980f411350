/** Set by the build; tests run the sources as they are. */
declare const KUBEXM_VERSION: string | undefined;

export const versionNumber = typeof KUBEXM_VERSION === 'string' ? KUBEXM_VERSION : 'unbuilt';
