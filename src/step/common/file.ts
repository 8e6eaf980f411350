import { createHash } from 'node:crypto';
import { KubexmError } from '../../errors/index.js';
import type { Precheck } from '../../plan/index.js';
import type { FileInfo } from '../../runner/index.js';
import { Secret } from '../../secrets/index.js';
import type { StepContext } from '../context.js';
import { defineStep, needed, satisfied } from '../define.js';
import { type KeptFile, keepFile, putBack } from './kept-file.js';
import { lateText } from './late-text.js';
import type { RenderTemplate, UploadFile, WriteFile } from './params.js';
import { permissionsDiffer, setPermissions } from './permissions.js';
import { renderText } from './render.js';

/** Brings a file of the control machine to a host. What it compares is the content's digest, the mode and the owner. */
export const uploadFile = defineStep({
  kind: 'file.upload',
  title: (p: UploadFile) => `Upload ${p.target}`,
  uses: ['upload'],
  async precheck(ctx, p) {
    const sha256 = lateText(ctx, p.sha256);
    const found = await statFile(ctx, p.target);
    const difference = differs(ctx, found, { sha256, mode: p.mode, owner: p.owner });
    return difference === undefined ? satisfied('content, mode and owner match') : needed(difference, found);
  },
  async run(ctx, p, found) {
    const { host, signal } = ctx;
    const sha256 = lateText(ctx, p.sha256);
    if (found?.sha256 === sha256) {
      await host.run(setPermissions(host, p.target, { mode: p.mode, owner: p.owner }), { signal });
      return;
    }
    const progress = (done: number, total: number) => ctx.progress(done, total, 'bytes');
    await host.upload(p.source, p.target, { sha256, mode: p.mode, progress, signal, ...ownedBy(p) });
  },
  async rollback(ctx, p, found) {
    const { host } = ctx;
    if (found && found.sha256 === lateText(ctx, p.sha256)) {
      await host.run(setPermissions(host, p.target, { mode: found.mode, owner: `${found.owner}:${found.group}` }));
      return;
    }
    await putBack(host, p.target, found && { info: found });
  },
});

/** Writes a text made of parts, secrets and outputs among them. */
export const writeFile = defineStep({
  kind: 'file.write',
  title: (p: WriteFile) => `Write ${p.target}`,
  precheck: async (ctx, p) => precheckText(ctx, p, await contentOf(ctx, p), modeOf(p)),
  run: async (ctx, p) => writeText(ctx, p, await contentOf(ctx, p), modeOf(p)),
  rollback: (ctx, p, before) => putBack(ctx.host, p.target, before),
});

/** Renders a template with its data onto a host. */
export const renderTemplate = defineStep({
  kind: 'file.template',
  title: (p: RenderTemplate) => `Write ${p.target}`,
  precheck: async (ctx, p) => precheckText(ctx, p, await rendered(ctx, p), p.mode ?? 0o644),
  run: async (ctx, p) => writeText(ctx, p, await rendered(ctx, p), p.mode ?? 0o644),
  rollback: (ctx, p, before) => putBack(ctx.host, p.target, before),
});

interface Target {
  readonly target: string;
  readonly owner?: string;
}

async function precheckText(
  ctx: StepContext,
  { target, owner }: Target,
  content: Secret,
  mode: number,
): Promise<Precheck<KeptFile | undefined>> {
  const sha256 = createHash('sha256').update(content.reveal()).digest('hex');
  const found = await statFile(ctx, target);
  const difference = differs(ctx, found, { sha256, mode, owner });
  if (difference === undefined) return satisfied('content, mode and owner match');
  return needed(difference, found && (await keepFile(ctx, found)));
}

async function writeText({ host, signal }: StepContext, p: Target, content: Secret, mode: number): Promise<void> {
  await host.writeFile(p.target, content, { mode, signal, ...ownedBy(p) });
}

async function statFile({ host, signal }: StepContext, path: string): Promise<FileInfo | undefined> {
  const found = await host.stat(path, { sha256: true, signal });
  if (found?.type === 'directory') {
    throw new KubexmError('TRANSFER_FAILED', `${host.name}: ${path} is a directory, where a file belongs`, {
      hint: `look what it is for, then move it away on ${host.name}`,
      retryable: false,
    });
  }
  return found;
}

function differs(
  { host }: StepContext,
  found: FileInfo | undefined,
  want: { readonly sha256: string; readonly mode: number; readonly owner: string | undefined },
): string | undefined {
  if (!found) return 'missing';
  if (found.type !== 'file') return `is a ${found.type}, not a file`;
  if (found.sha256 !== want.sha256) return 'content differs';
  return permissionsDiffer(host, found, want);
}

async function contentOf(ctx: StepContext, { content }: WriteFile): Promise<Secret> {
  if (typeof content === 'string') return new Secret(content);
  const texts: string[] = [];
  for (const part of content) {
    if (typeof part === 'object' && '$secret' in part) texts.push((await ctx.secret(part)).reveal());
    else texts.push(lateText(ctx, part));
  }
  return new Secret(texts.join(''));
}

function modeOf({ content, mode }: WriteFile): number {
  const holdsSecret =
    typeof content !== 'string' && content.some((part) => typeof part === 'object' && '$secret' in part);
  return mode ?? (holdsSecret ? 0o600 : 0o644);
}

async function rendered(ctx: StepContext, { template, data }: RenderTemplate): Promise<Secret> {
  return new Secret(await renderText({ name: template, text: await ctx.template(template), data }));
}

function ownedBy({ owner }: { readonly owner?: string }): { owner?: string } {
  return owner === undefined ? {} : { owner };
}
