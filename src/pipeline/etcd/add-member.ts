import { type AddMembers, addMembers, beforeAdding, defineModule } from '../../module/index.js';
import { definePipeline, type Pipeline } from '../define.js';

/** The targeted form of `cluster create`: it touches the new members and the apiservers, and no other host. */
export const addEtcdMembers = (params: AddMembers): Pipeline =>
  definePipeline('add-etcd-members', {
    gate: defineModule('preflight', [beforeAdding(params)]),
    modules: [defineModule('members', [addMembers(params)])],
  });
