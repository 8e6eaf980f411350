import { KubexmError, asError } from '../../errors/index.js';
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
    const template = handlebars.create().compile(text, { strict: true, noEscape: true });
    return template(data);
  } catch (error) {
    throw broken(name, asError(error));
  }
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
