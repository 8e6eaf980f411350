import { expect, test } from 'vitest';
import { renderText } from './render.js';

const render = (text: string, data: Parameters<typeof renderText>[0]['data'] = {}) =>
  renderText({ name: 'etcd/etcd.service', text, data });

test('fills in variables, lists and conditions, and escapes nothing', async () => {
  const text =
    'After={{unit}}\n{{#each peers}}\n{{this.name}}={{this.url}}\n{{/each}}\n{{#if debug}}\ndebug\n{{/if}}\n';
  const data = {
    unit: '"a" & <b>',
    peers: [
      { name: 'm1', url: 'https://1' },
      { name: 'm2', url: 'https://2' },
    ],
    debug: false,
  };
  expect(await render(text, data)).toBe('After="a" & <b>\nm1=https://1\nm2=https://2\n');
});

test('a variable without a value is an error that names it and the template', async () => {
  await expect(render('ExecStart={{ binary }}')).rejects.toMatchObject({
    code: 'TEMPLATE_BROKEN',
    message: "the template etcd/etcd.service asks for 'binary', which has no value",
    retryable: false,
  });
  await expect(render('{{#if extra}}x{{/if}}')).rejects.toThrow("asks for 'extra'");
  await expect(render('a\n  {{~#each extra.peers}}x{{/each}}', { extra: {} })).rejects.toThrow(
    "asks for 'extra.peers'",
  );
  await expect(render('{{#if a}}x{{else if b}}y{{/if}}', { a: false })).rejects.toThrow("asks for 'b'");
  await expect(render('{{#each p}}{{this.url}}{{/each}}', { p: [{ name: 'a' }] })).rejects.toThrow("asks for 'url'");
});

test('a template that cannot be read is an error that shows where', async () => {
  await expect(render('one\n{{#if a}}\n')).rejects.toMatchObject({
    code: 'TEMPLATE_BROKEN',
    message: 'the template etcd/etcd.service cannot be read',
    details: expect.arrayContaining([expect.stringContaining('Parse error on line 3')]),
  });
  await expect(render('{{shout name}}', { name: 'a' })).rejects.toThrow("'shout'");
});
