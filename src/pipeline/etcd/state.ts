import { etcdState, observeEtcd } from '../../module/index.js';
import type { EtcdObservation, PlanContext } from '../../task/index.js';
import { defineReading, type Reading } from '../reading.js';

/** Members and their state, also where some hosts or members are down. */
export const etcdStateOf = defineReading('etcd-state', etcdState, observeEtcd);

/** The same, with members asked on hosts of the config that have lost the role etcd there, but are still members. */
export function etcdStateBeside(hosts: readonly string[]): Reading<EtcdObservation> {
  const beside = (ctx: PlanContext): PlanContext => {
    const { spec } = ctx.cluster;
    const { etcd } = spec.roleGroups;
    const more = spec.hosts.map(({ name }) => name).filter((name) => hosts.includes(name) && !etcd.includes(name));
    return {
      ...ctx,
      cluster: { ...ctx.cluster, spec: { ...spec, roleGroups: { ...spec.roleGroups, etcd: [...etcd, ...more] } } },
    };
  };
  const { pipeline, interpret } = etcdStateOf;
  return Object.freeze({
    pipeline: { name: pipeline.name, plan: (ctx: PlanContext) => pipeline.plan(beside(ctx)) },
    interpret(ctx: PlanContext, findings: Parameters<typeof interpret>[1]) {
      const observed = interpret(beside(ctx), findings);
      return { ...observed, missing: observed.missing.filter((host) => !hosts.includes(host)) };
    },
  });
}
