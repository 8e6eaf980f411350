import type { Component, ComponentName } from '../build/components.js';
import { components, imageTags, minorOf, pauseTags } from '../catalogue.js';
import type { RunConfig } from './oci.js';

/** What is below an image's own program. `network`: iptables, nft and a shell; `busybox`: a shell with its tools; `haproxy`: Debian's, as upstream's image. */
export type Base = 'none' | 'network' | 'busybox' | 'haproxy';

/** An image of the mirror under its upstream's name. */
export interface Image {
  readonly name: string;
  readonly tag: string;
  readonly base: Base;
  /** The program that the image is about, and its place in it. */
  readonly program?: { readonly from: Component | 'pause'; readonly name: string; readonly path: string };
  readonly config: RunConfig;
}

const searchPath = { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] } as const;

/** Every image that every mirror serves. */
export function images(): Image[] {
  return [busybox, ...components.flatMap(imagesOf)];
}

/** The images that a component is in, or that its version asks for; none of a component that is files on hosts. */
export function imagesOf(component: Component): readonly Image[] {
  return makers[component.name]?.(component) ?? [];
}

/** The registries whose images the mirror serves, as keys of `spec.registry.mirrors`. */
export function mirroredRegistries(): string[] {
  return [...new Set(images().map(({ name }) => name.slice(0, name.indexOf('/'))))];
}

/** The repository in the mirror's registry: the upstream's path without its host. */
export function repositoryOf({ name }: Image): string {
  return name.slice(name.indexOf('/') + 1);
}

const busybox: Image = {
  name: 'docker.io/library/busybox',
  tag: imageTags.busybox,
  base: 'busybox',
  config: { ...searchPath, Cmd: ['sh'] },
};

type Maker = (component: Component) => readonly Image[];

/** Components that run as pods. The others are files on hosts. */
const makers: Partial<Record<ComponentName, Maker>> = {
  kubernetes: (component) => [
    pause(pauseTags[minorOf(component.version)] ?? imageTags.pause),
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map((name) =>
      programImage(component, name, {
        image: `registry.k8s.io/${name}`,
        path: `usr/local/bin/${name}`,
        base: name === 'kube-proxy' ? 'network' : 'none',
      }),
    ),
  ],
  coredns: (component) => [
    programImage(component, 'coredns', { image: 'registry.k8s.io/coredns/coredns', path: 'coredns' }),
  ],
  flannel: (component) => [
    programImage(component, 'flanneld', {
      image: 'ghcr.io/flannel-io/flannel',
      path: 'opt/bin/flanneld',
      base: 'network',
    }),
  ],
  'flannel-cni-plugin': (component) => [
    {
      name: 'ghcr.io/flannel-io/flannel-cni-plugin',
      tag: imageTags.flannelCniPlugin,
      // The manifest of flannel runs `cp` in it.
      base: 'busybox',
      program: { from: component, name: 'flannel', path: 'flannel' },
      config: { ...searchPath, Cmd: ['/flannel'] },
    },
  ],
  'kube-vip': (component) => [
    programImage(component, 'kube-vip', { image: 'ghcr.io/kube-vip/kube-vip', path: 'kube-vip' }),
  ],
  // https://github.com/docker-library/haproxy: user, entrypoint and signal.
  haproxy: ({ version }) => [
    {
      name: 'docker.io/library/haproxy',
      tag: version,
      base: 'haproxy',
      config: {
        ...searchPath,
        Entrypoint: ['docker-entrypoint.sh'],
        Cmd: ['haproxy', '-f', '/usr/local/etc/haproxy/haproxy.cfg'],
        User: 'haproxy',
        WorkingDir: '/var/lib/haproxy',
        StopSignal: 'SIGUSR1',
      },
    },
  ],
};

function pause(tag: string): Image {
  return {
    name: 'registry.k8s.io/pause',
    tag,
    base: 'none',
    program: { from: 'pause', name: 'pause', path: 'pause' },
    config: { ...searchPath, Entrypoint: ['/pause'], User: '65535:65535' },
  };
}

function programImage(
  component: Component,
  program: string,
  { image, path, base = 'none' }: { image: string; path: string; base?: Base },
): Image {
  return {
    name: image,
    tag: component.version,
    base,
    program: { from: component, name: program, path },
    config: { ...searchPath, Entrypoint: [`/${path}`] },
  };
}
