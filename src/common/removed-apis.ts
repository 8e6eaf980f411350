/** A version of an API of Kubernetes' own that a release does not serve any more. */
export interface RemovedApi {
  readonly group: string;
  readonly version: string;
  /** Plural names, as in the API's paths. */
  readonly resources: readonly string[];
  /** The minor that does not serve it: 32 for 1.32. */
  readonly removed: number;
}

const admission = 'admissionregistration.k8s.io';
const resource = 'resource.k8s.io';
const coordination = 'coordination.k8s.io';
const networking = 'networking.k8s.io';
const certificates = 'certificates.k8s.io';
const claims = ['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices'];
const policies = ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'];
const mutatingPolicies = ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'];
const addresses = ['ipaddresses', 'servicecidrs'];

/**
 * What goes from 1.30 on: of objects that are stored, not of requests alone. From `zz_generated.prerelease-lifecycle.go` and
 * the types of k8s.io/api v0.30 to v0.36; what a later release says of its own removals is in the metric of deprecated APIs.
 */
export const removedApis: readonly RemovedApi[] = [
  {
    group: 'flowcontrol.apiserver.k8s.io',
    version: 'v1beta3',
    resources: ['flowschemas', 'prioritylevelconfigurations'],
    removed: 32,
  },
  {
    group: resource,
    version: 'v1alpha2',
    resources: ['podschedulingcontexts', 'resourceclasses', 'resourceclassparameters', 'resourceclaimparameters'],
    removed: 31,
  },
  { group: resource, version: 'v1alpha2', resources: claims, removed: 31 },
  { group: resource, version: 'v1alpha3', resources: ['podschedulingcontexts'], removed: 32 },
  { group: resource, version: 'v1alpha3', resources: claims, removed: 34 },
  { group: resource, version: 'v1alpha3', resources: ['devicetaintrules'], removed: 39 },
  { group: resource, version: 'v1beta1', resources: claims, removed: 38 },
  { group: resource, version: 'v1beta2', resources: claims, removed: 39 },
  { group: admission, version: 'v1alpha1', resources: policies, removed: 32 },
  { group: admission, version: 'v1beta1', resources: policies, removed: 34 },
  { group: admission, version: 'v1alpha1', resources: mutatingPolicies, removed: 38 },
  { group: admission, version: 'v1beta1', resources: mutatingPolicies, removed: 40 },
  { group: coordination, version: 'v1alpha1', resources: ['leasecandidates'], removed: 32 },
  { group: coordination, version: 'v1alpha2', resources: ['leasecandidates'], removed: 38 },
  { group: coordination, version: 'v1beta1', resources: ['leasecandidates'], removed: 39 },
  { group: networking, version: 'v1alpha1', resources: addresses, removed: 33 },
  { group: networking, version: 'v1beta1', resources: addresses, removed: 37 },
  { group: 'storage.k8s.io', version: 'v1alpha1', resources: ['volumeattributesclasses'], removed: 35 },
  { group: 'storage.k8s.io', version: 'v1beta1', resources: ['volumeattributesclasses'], removed: 37 },
  { group: 'storagemigration.k8s.io', version: 'v1alpha1', resources: ['storageversionmigrations'], removed: 35 },
  { group: certificates, version: 'v1alpha1', resources: ['podcertificaterequests'], removed: 35 },
  { group: certificates, version: 'v1alpha1', resources: ['clustertrustbundles'], removed: 37 },
];
