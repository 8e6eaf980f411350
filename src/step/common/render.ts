import type Handlebars from 'handlebars';
import type { HelperDelegate, HelperOptions } from 'handlebars';
import { asError, KubexmError } from '../../errors/index.js';
import type { TemplateData } from './params.js';

/**
 * A template's text with its variables filled in. Handlebars, strict: a variable that `data` lacks is an error; nothing
 * is escaped, since hosts read no HTML. `name` is for the error.
 */
export async function renderText({
  name,
  text,
  data,
}: {
  readonly name: string;
  readonly text: string;
  readonly data: TemplateData;
}): Promise<string> {
  const { default: handlebars } = await import('handlebars');
  try {
    const engine = handlebars.create();
    makeBlocksStrict(engine, text);
    return engine.compile(text, { strict: true, noEscape: true })(data);
  } catch (error) {
    throw broken(name, asError(error));
  }
}

/** Handlebars' own strictness leaves out what blocks are asked about: `{{#if typo}}` would silently be false. */
function makeBlocksStrict(engine: typeof Handlebars, text: string): void {
  for (const name of ['if', 'unless', 'each', 'with']) {
    const original = engine.helpers[name] as HelperDelegate;
    engine.registerHelper(name, function strict(this: unknown, value: unknown, options: BlockOptions) {
      if (value === undefined) throw new Error(`"${argumentAt(text, options.loc.start)}" not defined in a block`);
      return original.call(this, value, options) as unknown;
    });
  }
}

interface BlockOptions extends HelperOptions {
  readonly loc: { readonly start: { readonly line: number; readonly column: number } };
}

function argumentAt(text: string, { line, column }: { readonly line: number; readonly column: number }): string {
  const from = text.split('\n')[line - 1]?.slice(column) ?? '';
  return /^\{\{~?(?:#|else )\s*\w+\s+([^\s}~]+)/.exec(from)?.[1] ?? from.trim();
}

function broken(name: string, cause: Error): KubexmError {
  const missing = /"([^"]+)" not defined in|Missing helper: "([^"]+)"/.exec(cause.message);
  const variable = missing?.[1] ?? missing?.[2];
  if (variable === undefined) {
    return new KubexmError('TEMPLATE_BROKEN', `the template ${name} cannot be read`, {
      details: cause.message.split('\n'),
      retryable: false,
      cause,
    });
  }
  return new KubexmError('TEMPLATE_BROKEN', `the template ${name} asks for '${variable}', which has no value`, {
    hint: `a template that you override must use only the variables of the built-in ${name}`,
    retryable: false,
    cause,
  });
}
