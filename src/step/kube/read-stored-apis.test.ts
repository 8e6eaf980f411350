import { expect, test } from 'vitest';
import type { FakeAnswer } from '../../runner/index.js';
import { hostTrial } from '../host-step.fixture.js';
import { readStoredApis, type StoredApis } from './read-stored-apis.js';

const step = readStoredApis({ report: 'stored' });
const flow = 'flowcontrol.apiserver.k8s.io';
const group = (name: string, ...versions: string[]) => ({ name, versions: versions.map((version) => ({ version })) });
const resources = (...names: string[]) => JSON.stringify({ resources: names.map((name) => ({ name })) });

async function read({
  groups = [] as readonly object[],
  custom = '',
  commands = [] as readonly (readonly [RegExp, FakeAnswer])[],
}) {
  const asked: string[] = [];
  const trial = hostTrial({
    commands: [
      ...commands.map(
        ([pattern, answer]) =>
          [
            pattern,
            (command: { readonly text: string }) => {
              asked.push(command.text);
              return answer;
            },
          ] as readonly [RegExp, FakeAnswer],
      ),
      [/^systemctl show -p ActiveState --value kubexm-kubeadm/, 'inactive\n'],
      [/get customresourcedefinitions/, custom],
      [/get --raw=\/apis$/, JSON.stringify({ groups: [group('apps', 'v1'), ...groups] })],
    ],
  });
  let report: unknown;
  const ctx = { ...trial.ctx, log: (_level: string, _name: string, data?: unknown) => (report = data) };
  await step.precheck(ctx);
  return { report: report as StoredApis, asked };
}

test('custom resources, with what their objects are stored as', async () => {
  const custom = 'things.x.io\tv1=true v1beta1=false \tv1beta1 v1 \tTrue\nothers.x.io\tv2=true \tv1 \tFalse\n';
  expect((await read({ custom })).report).toEqual({
    apis: [],
    custom: [
      {
        name: 'things.x.io',
        versions: [
          { name: 'v1', served: true },
          { name: 'v1beta1', served: false },
        ],
        stored: ['v1beta1', 'v1'],
        established: true,
      },
      { name: 'others.x.io', versions: [{ name: 'v2', served: true }], stored: ['v1'], established: false },
    ],
  });
});

test('objects whose manifest or writer is of a version that goes, and not what the control plane writes by itself', async () => {
  const applied = `{"apiVersion":"${flow}/v1beta3","kind":"FlowSchema"}`;
  const { report, asked } = await read({
    groups: [group(flow, 'v1', 'v1beta3')],
    commands: [
      [/--raw=\/apis\/flowcontrol\S+\/v1$/, resources('flowschemas', 'flowschemas/status')],
      [/--raw=\/apis\/flowcontrol\S+\/v1beta3$/, resources('flowschemas')],
      [
        /get flowschemas/,
        [
          `/mine\tUpdate=kubectl-client-side-apply=${flow}/v1 \t${applied}`,
          '',
          `/flux\tApply=flux=${flow}/v1beta3 \t`,
          `/made\tUpdate=kubectl-create=${flow}/v1beta3 \t`,
          `/moved\tUpdate=helm=${flow}/v1beta3 Update=helm=${flow}/v1 \t`,
          `/exempt\tUpdate=api-priority-and-fairness-config-producer-v1=${flow}/v1beta3 \t`,
        ].join('\n'),
      ],
    ],
  });
  expect(report.apis).toEqual([
    {
      group: flow,
      version: 'v1beta3',
      resource: 'flowschemas',
      removed: 32,
      applied: ['mine', 'flux'],
      written: ['made'],
    },
  ]);
  // To ask for the old version would make it one that is asked for.
  expect(asked.filter((command) => command.includes('get flowschemas')).join()).toContain(
    `flowschemas.v1.${flow} --all-namespaces`,
  );
});

test.each([
  ['apiserver_storage_objects{resource="volumeattributesclasses.storage.k8s.io"} 2'],
  ['apiserver_resource_objects{group="storage.k8s.io",resource="volumeattributesclasses"} 2'],
])('of a resource that no other version has the apiserver counts what is stored: %s', async (metric) => {
  const commands: readonly (readonly [RegExp, FakeAnswer])[] = [
    [/--raw=\/apis\/storage\.k8s\.io\/v1$/, resources('storageclasses')],
    [/--raw=\/apis\/storage\.k8s\.io\/v1alpha1$/, resources('volumeattributesclasses')],
    [/--raw=\/metrics/, `${metric}\napiserver_storage_objects{resource="pods"} 7\n`],
  ];
  const groups = [group('storage.k8s.io', 'v1', 'v1alpha1')];
  expect((await read({ groups, commands })).report.apis).toEqual([
    {
      group: 'storage.k8s.io',
      version: 'v1alpha1',
      resource: 'volumeattributesclasses',
      removed: 35,
      applied: [],
      written: [],
      count: 2,
    },
  ]);
});

test('what nobody counted may be there', async () => {
  const commands: readonly (readonly [RegExp, FakeAnswer])[] = [
    [/--raw=\/apis\/storage\.k8s\.io\/v1alpha1$/, resources('volumeattributesclasses')],
    [/--raw=\/metrics/, 'apiserver_storage_objects{resource="volumeattributesclasses.storage.k8s.io"} -1\n'],
  ];
  const { report } = await read({ groups: [group('storage.k8s.io', 'v1alpha1')], commands });
  expect(report.apis).toMatchObject([{ version: 'v1alpha1', count: -1 }]);
});

test('an API that does not tell is an error, not an empty one', async () => {
  const groups = [group(flow, 'v1')];
  const commands: readonly (readonly [RegExp, FakeAnswer])[] = [
    [/--raw=\/apis\/flowcontrol/, { exitCode: 1, stderr: 'the server is currently unable to handle the request' }],
  ];
  await expect(read({ groups, commands })).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
});
