// From a growing Markdown text to sanitised HTML, block by block: a finished block is drawn once, and only the last two
// are read again while text arrives. Raw HTML is shown as text; pictures from elsewhere are named, not fetched.
import DOMPurify from 'dompurify';
import { Marked, type Token, type Tokens } from 'marked';
import { text } from '../../messages';

/** One top-level block. A block that is done will not change any more, whatever text follows. */
export interface Block {
  key: number;
  html: string;
  isDone: boolean;
}

/** Reads one answer. Feed it the whole text each time; it remembers what is done. */
export class MarkdownReader {
  #done: Block[] = [];
  /** How much of the text the done blocks cover, and that text. */
  #covered = '';

  read(source: string, isWhole: boolean): Block[] {
    if (!source.startsWith(this.#covered)) this.#forget();
    const tokens = marked.lexer(source.slice(this.#covered.length));
    const open = isWhole ? 0 : lastBlocks(tokens, STILL_OPEN);
    for (const token of isWhole ? [] : tokens.slice(0, open)) this.#finish(token);
    const rest = tokens.slice(open).filter(isShown);
    return [...this.#done, ...rest.map((token, index) => ({ key: this.#done.length + index, html: render(token), isDone: isWhole }))];
  }

  #finish(token: Token): void {
    this.#covered += token.raw;
    if (isShown(token)) this.#done.push({ key: this.#done.length, html: render(token), isDone: true });
  }

  #forget(): void {
    this.#done = [];
    this.#covered = '';
  }
}

/** Blocks at the end that more text may still change: the last one, and the one that it may join. */
const STILL_OPEN = 2;

/** Where the last `count` blocks begin. */
function lastBlocks(tokens: Token[], count: number): number {
  const shown = tokens.flatMap((token, index) => (isShown(token) ? [index] : []));
  return shown.at(-count) ?? 0;
}

function isShown(token: Token): boolean {
  return token.type !== 'space' && token.type !== 'def';
}

function render(token: Token): string {
  return sanitise(marked.parser([token]));
}

/** The second wall: whatever the renderer lets through, only harmless HTML leaves this file. */
export function sanitise(html: string): string {
  return DOMPurify.sanitize(html, SANITISE);
}

function escape(words: string): string {
  return words.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** The address if it is one that a person may follow. */
function followable(href: string): URL | undefined {
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url : undefined;
  } catch {
    return undefined;
  }
}

const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text: raw }) => escape(raw),
    code: ({ text: source, lang }) => {
      const language = /^[\w+#.-]{1,24}/.exec(lang ?? '')?.[0] ?? '';
      return `<pre data-language="${escape(language)}"><code>${escape(source)}\n</code></pre>`;
    },
    link({ href, tokens }: Tokens.Link) {
      const label = this.parser.parseInline(tokens);
      const url = followable(href);
      if (!url) return label;
      const host = url.host && !label.includes(url.host) ? ` <small>${escape(url.host)}</small>` : '';
      return `<a href="${escape(url.href)}" target="_blank" rel="noopener noreferrer nofollow">${label}</a>${host}`;
    },
    image: ({ href, text: alt }: Tokens.Image) => {
      const url = followable(href);
      const host = url?.host ? `${escape(url.host)}: ` : '';
      return `<span data-picture>[${host}${escape(alt)}]</span>`;
    },
    table(token: Tokens.Table) {
      const row = (cells: Tokens.TableCell[]) => `<tr>${cells.map((cell) => this.tablecell(cell)).join('')}</tr>`;
      const body = token.rows.map(row).join('');
      return `<div data-table tabindex="0" role="region" aria-label="${text('table.label')}"><table><thead>${row(token.header)}</thead><tbody>${body}</tbody></table></div>`;
    },
  },
});

const SANITISE = {
  ALLOWED_TAGS: [
    ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 'del', 'small', 'code', 'pre', 'blockquote'],
    ...['ul', 'ol', 'li', 'input', 'a', 'span', 'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  ALLOWED_ATTR: [
    ...['href', 'target', 'rel', 'start', 'type', 'checked', 'disabled', 'align'],
    ...['tabindex', 'role', 'aria-label', 'data-language', 'data-picture', 'data-table'],
  ],
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  // DOMPurify holds every value to that pattern, except those of attributes that are named here.
  ADD_URI_SAFE_ATTR: ['target', 'rel', 'start', 'type', 'align', 'tabindex', 'data-language'],
};
