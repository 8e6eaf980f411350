import { milestone } from '../plan/index.js';

/** Every host has passed its checks. */
export const hostsChecked = milestone('hosts-checked');
/** Every artifact is on the control machine and verified. */
export const artifactsReady = milestone('artifacts-ready');
/** The host's kernel, names and files are as Kubernetes needs them. */
export const osReady = milestone('os-ready');
/** The container runtime of the host answers over CRI. */
export const runtimeReady = milestone('runtime-ready');
/** kubelet, kubeadm and the kubelet's unit are on the host. */
export const kubeletInstalled = milestone('kubelet-installed');
/** The images of the static pods are on the control plane host. */
export const controlPlaneImages = milestone('control-plane-images');
/** CAs and the service-account key are on the control plane host. */
export const controlPlanePki = milestone('control-plane-pki');
/** All members vote and are healthy. */
export const etcdReady = milestone('etcd-ready');
/** There is a first control plane, and it lets nodes join. */
export const controlPlaneMade = milestone('control-plane-made');
/** The API serves and is not restarted any more; the cluster has the configuration that joins read. */
export const apiServing = milestone('api-serving');
/** The host is a node of the cluster. */
export const nodeJoined = milestone('node-joined');
/** Kubelets and kube-proxy run as the config says. */
export const nodesConfigured = milestone('nodes-configured');
/** CoreDNS is deployed. */
export const coreDnsApplied = milestone('coredns-applied');
/** The network is applied, and ready on the host that speaks for the cluster. */
export const networkApplied = milestone('network-applied');
/** The API servers' certificates have all names by which they are asked. */
export const servingCertificates = milestone('serving-certificates');
/** Whoever keeps the virtual address is at work; the address may still lead to nobody. */
export const addressKept = milestone('address-kept');
/** What stands before the API servers is there and leads to them. */
export const endpointReady = milestone('endpoint-ready');
/** Nodes that were there before find the API where the config says. */
export const endpointKnown = milestone('endpoint-known');
