import { KubexmError } from '../errors/index.js';
import { type Io, note } from './io.js';

/** Asks for a secret on the terminal; what is typed is not shown. stdout stays free for results. */
export async function askSecret(question: string): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts');
  const answer = await password({ message: question, output: process.stderr });
  if (isCancel(answer)) throw new KubexmError('CANCELLED', 'stopped at the question for a secret');
  return answer;
}

/** `lines`: what is at stake. `word`: what must be typed, such as the cluster's name; absent: yes or no. */
export interface Question {
  readonly lines: readonly string[];
  readonly question: string;
  readonly word?: string;
}

/** Throws unless the answer is yes: CANCELLED for a no, USAGE where nobody can be asked. `yes` answers beforehand. */
export async function confirm(io: Io, { lines, question, word }: Question, yes: boolean): Promise<void> {
  note(io, lines.join('\n'));
  if (yes) return;
  if (!io.interactive) {
    throw new KubexmError('USAGE', 'this needs an answer, and nobody can be asked here', {
      details: [question],
      hint: 'the same command with --yes',
    });
  }
  const prompts = await import('@clack/prompts');
  const answer =
    word === undefined
      ? await prompts.confirm({ message: question, initialValue: false, output: process.stderr })
      : await prompts.text({ message: `${question} Type ${word} to go on:`, output: process.stderr });
  if (prompts.isCancel(answer) || (word === undefined ? answer !== true : answer !== word))
    throw new KubexmError('CANCELLED', 'stopped at the question; nothing was changed');
}
