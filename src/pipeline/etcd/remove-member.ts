import { beforeRemoving, defineModule, type RemoveMember, removeMember } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** A member out of etcd, also with its host dead. */
export const removeEtcdMember = (params: RemoveMember): Pipeline =>
  definePipeline('remove-etcd-member', {
    gate: defineModule('preflight', [beforeRemoving(params)]),
    modules: [defineModule('members', [removeMember(params)])],
  });
