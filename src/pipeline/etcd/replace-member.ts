import { beforeReplacing, defineModule, type ReplaceMember, replaceMember } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** One member for another, or for itself on a new disk. */
export const replaceEtcdMember = (params: ReplaceMember): Pipeline =>
  definePipeline('replace-etcd-member', {
    gate: defineModule('preflight', [beforeReplacing(params)]),
    modules: [defineModule('members', [replaceMember(params)])],
  });
