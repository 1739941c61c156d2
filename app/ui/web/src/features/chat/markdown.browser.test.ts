// Markdown in a real browser: what is shown, what is refused, and that a growing text ends as the whole text does.
import { expect, test } from 'vitest';
import { MarkdownReader, sanitise } from './markdown';

function html(source: string): string {
  return new MarkdownReader()
    .read(source, true)
    .map((block) => block.html)
    .join('');
}

/** What a browser makes of it. */
function dom(source: string): HTMLElement {
  const host = document.createElement('div');
  host.innerHTML = html(source);
  return host;
}

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  'before <b onclick="alert(1)">bold</b> after',
  '<iframe src="https://evil.example"></iframe>',
  '<style>body{display:none}</style>',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '![x](javascript:alert(1))',
  '<a href="javascript:alert(1)">x</a>',
  '```"><img src=x onerror=alert(1)>\ncode\n```',
  '| a |\n| - |\n| <svg onload=alert(1)> |',
  '[x](https://example.org "title\\" onmouseover=\\"alert(1)")',
  '<form action="https://evil.example"><input name=a></form>',
])('%s does nothing', (source) => {
  const host = dom(source);
  expect(host.querySelectorAll('script, img, iframe, style, svg, form, object, embed, b').length).toBe(0);
  for (const element of host.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      expect(name).not.toMatch(/^on|^style$|^src/);
      expect(value).not.toMatch(/^\s*javascript:/i);
    }
  }
});

test.each([
  '<script>alert(1)</script>',
  '<img src="x" onerror="alert(1)">',
  '<p style="position:fixed">x</p>',
  '<p onclick="alert(1)">x</p>',
  '<a href="javascript:alert(1)">x</a>',
])('behind the renderer stands a second wall: %s', (hostile) => {
  expect(sanitise(hostile)).not.toMatch(/script|img|style|onclick|onerror|javascript/i);
});

test.each(['[x](javascript:alert(1))', '[x](data:text/html,x)', '[x](file:///etc/passwd)', '[x](//evil.example)'])(
  '%s is no link at all',
  (source) => {
    const host = dom(source);
    expect(host.querySelector('a')).toBeNull();
    expect(host.textContent.trim()).toBe('x');
  },
);

test('raw HTML is shown as what was written', () => {
  expect(dom('a <b>c</b>').textContent).toContain('<b>c</b>');
});

test('a link opens elsewhere, gives nothing away, and names its host', () => {
  const link = dom('[the almanac](https://example.org/tides)').querySelector('a')!;
  expect(link.getAttribute('href')).toBe('https://example.org/tides');
  expect(link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  expect(link.target).toBe('_blank');
  expect(link.nextElementSibling?.textContent).toBe('example.org');
});

test('a picture from elsewhere is named, not fetched', () => {
  const host = dom('![a cat](https://pictures.example/cat.png)');
  expect(host.querySelector('img')).toBeNull();
  expect(host.textContent).toContain('[pictures.example: a cat]');
});

test('code keeps its language and every sign of its text', () => {
  const pre = dom('```c++\nif (a < b && c > d) { return "x"; }\n```').querySelector('pre')!;
  expect(pre.dataset.language).toBe('c++');
  expect(pre.textContent).toBe('if (a < b && c > d) { return "x"; }\n');
});

test('tables, task lists and alignment come through', () => {
  const host = dom('| a | b |\n| - | -: |\n| 1 | 2 |\n\n- [x] done\n- [ ] open');
  expect(host.querySelectorAll('td').length).toBe(2);
  expect(host.querySelector('td:last-child')!.getAttribute('align')).toBe('right');
  expect(host.querySelector('[data-table]')!.getAttribute('tabindex')).toBe('0');
  expect([...host.querySelectorAll('input')].map((box) => box.checked)).toEqual([true, false]);
});

const LONG = `# Title

A paragraph with **bold**, *slant*, \`code\` and [a link](https://example.org).

- one
- two

  with a second paragraph

- three

1. first
2. second

> quoted
> twice

\`\`\`rust
fn main() {

    println!("{}", 1 < 2);
}
\`\`\`

| a | b |
| - | - |
| 1 | 2 |

Setext
======

Last words. 👋🏽`;

test('a text that grows sign by sign ends as the whole text does', () => {
  const reader = new MarkdownReader();
  for (let end = 0; end <= LONG.length; end += 1) reader.read(LONG.slice(0, end), false);
  const grown = reader
    .read(LONG, true)
    .map((block) => block.html)
    .join('');
  expect(grown).toBe(html(LONG));
});

test('a block that is done does not change any more', () => {
  const reader = new MarkdownReader();
  const done = new Map<number, string>();
  for (let end = 0; end <= LONG.length; end += 3) {
    for (const block of reader.read(LONG.slice(0, end), false).filter((block) => block.isDone)) {
      expect(done.get(block.key) ?? block.html).toBe(block.html);
      done.set(block.key, block.html);
    }
  }
  expect(done.size).toBeGreaterThan(5);
});

test('sixteen kilobytes grow in little time', () => {
  const text = LONG.repeat(40).slice(0, 16_000);
  const reader = new MarkdownReader();
  const began = performance.now();
  for (let end = 0; end <= text.length; end += 4) reader.read(text.slice(0, end), false);
  expect((performance.now() - began) / (text.length / 4)).toBeLessThan(4);
});
