// Gives every code block of a finished piece of Markdown its language's name, its colours and a Copy button that comes
// after it in tab order.
import { copy } from '../../components/copy';
import { text } from '../../messages';
import { highlight } from './highlight';

/** For `{@attach}`: works on the blocks inside `node`, each once. */
export function dressCode(node: HTMLElement): void {
  for (const block of node.querySelectorAll<HTMLElement>('pre:not([data-dressed])')) dress(block);
}

function dress(block: HTMLElement): void {
  const code = block.querySelector('code');
  if (!code) return;
  const language = block.dataset.language ?? '';
  const source = code.textContent.replace(/\n$/, '');
  block.dataset.dressed = '';
  block.tabIndex = 0;
  block.after(foot(language, source));
  void colour(code, source, language);
}

function foot(language: string, source: string): HTMLElement {
  const row = document.createElement('div');
  row.className = 'code-foot';
  const name = document.createElement('span');
  name.textContent = language || text('code.plain');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'act quiet';
  button.dataset.copy = 'code.copy';
  button.textContent = text('code.copy');
  button.addEventListener('click', () => void copy(source).then((done) => done && flash(button)));
  row.append(name, button);
  return row;
}

function flash(button: HTMLElement): void {
  button.textContent = text('code.copied');
  setTimeout(() => (button.textContent = text('code.copy')), 2_000);
}

async function colour(code: HTMLElement, source: string, language: string): Promise<void> {
  const html = await highlight(source, language).catch(() => undefined); // without colours it is still the code
  if (html !== undefined) code.innerHTML = html;
}
