import { KubexmError } from '../errors/index.js';

/** Asks for a secret on the terminal; what is typed is not shown. stdout stays free for results. */
export async function askSecret(question: string): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts');
  const answer = await password({ message: question, output: process.stderr });
  if (isCancel(answer)) throw new KubexmError('CANCELLED', 'stopped at the question for a secret');
  return answer;
}
