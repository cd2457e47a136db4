// Tokens of Markdown as elements. Nothing of an answer becomes markup: its HTML is shown as text, its images are links, and
// its links lead to web pages and mail addresses only.
import type { ComponentChildren, JSX } from 'preact';
import type { MarkedToken, Token, Tokens } from 'marked';
import { decodeReferences } from './clean-text.js';
import { CodeBlock } from './code-block.js';
import type { MarkdownBlock } from './reader.js';

type HeadingTag = 'h3' | 'h4' | 'h5' | 'h6';

/** A block at the top of an answer. */
export function renderBlock({ token, level }: MarkdownBlock): JSX.Element | undefined {
  if (level === undefined) return block(token, 0);
  const { text, tokens } = token as Tokens.Heading;
  const Heading = `h${level}` as HeadingTag;
  return text === '' ? undefined : <Heading>{inline(tokens)}</Heading>;
}

function blocks(tokens: readonly Token[]): ComponentChildren {
  return tokens.map((token, index) => block(token, index));
}

function block(token: Token, key: number): JSX.Element | undefined {
  const known = token as MarkedToken;
  switch (known.type) {
    case 'paragraph':
      return <p key={key}>{inline(known.tokens)}</p>;
    case 'heading': // In a list or a quote: it structures only that.
      return (
        <p key={key}>
          <strong>{inline(known.tokens)}</strong>
        </p>
      );
    case 'code':
      return <CodeBlock key={key} code={known.text} language={languageOf(known)} isClosed={isClosed(known)} />;
    case 'blockquote':
      return <blockquote key={key}>{blocks(known.tokens)}</blockquote>;
    case 'list':
      return list(known, key);
    case 'table':
      return table(known, key);
    case 'hr':
      return <hr key={key} />;
    case 'html':
      return (
        <p key={key} class="as-text">
          {known.raw.trimEnd()}
        </p>
      );
    case 'space':
    case 'def':
      return undefined;
    default: // Text of a list without blank lines, and what is nested too deeply.
      return <span key={key}>{inline([token])}</span>;
  }
}

function list({ ordered, start, items }: Tokens.List, key: number): JSX.Element {
  const children = items.map((item, index) => (
    <li key={index} class={item.task ? 'task' : undefined}>
      {blocks(item.tokens)}
    </li>
  ));
  if (!ordered) return <ul key={key}>{children}</ul>;
  return (
    <ol key={key} start={start === 1 || start === '' ? undefined : start}>
      {children}
    </ol>
  );
}

function table({ header, rows }: Tokens.Table, key: number): JSX.Element {
  return (
    <div key={key} class="table-scroll" tabIndex={0} role="group" aria-label="Table">
      <table class="data">
        <thead>
          <tr>
            {header.map((cell, index) => (
              <th key={index} class={alignment(cell)}>
                {inline(cell.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} class={alignment(cell)}>
                  {inline(cell.tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function alignment({ align }: Tokens.TableCell): string | undefined {
  return align === null || align === 'left' ? undefined : `align-${align}`;
}

function inline(tokens: readonly Token[] | undefined, isInLink = false): ComponentChildren {
  return tokens?.map((token, index) => inlineToken(token, index, isInLink));
}

function inlineToken(token: Token, key: number, isInLink: boolean): ComponentChildren {
  const known = token as MarkedToken;
  switch (known.type) {
    case 'text': // In `text`, some references are decoded already.
      return known.tokens === undefined ? decodeReferences(known.raw) : inline(known.tokens, isInLink);
    case 'escape':
      return known.text;
    case 'strong':
      return <strong key={key}>{inline(known.tokens, isInLink)}</strong>;
    case 'em':
      return <em key={key}>{inline(known.tokens, isInLink)}</em>;
    case 'del':
      return <del key={key}>{inline(known.tokens, isInLink)}</del>;
    case 'codespan':
      return <code key={key}>{known.text}</code>;
    case 'br':
      return <br key={key} />;
    case 'checkbox':
      return <input key={key} type="checkbox" disabled checked={known.checked} aria-label="Task" />;
    case 'link':
      return link(known.href, inline(known.tokens, true), key, isInLink);
    case 'image':
      return link(known.href, `Image: ${decodeReferences(known.text) || 'without a description'}`, key, isInLink);
    default: // HTML.
      return known.raw;
  }
}

/** The title shows where it leads, because its text can say anything. */
function link(target: string, content: ComponentChildren, key: number, isInLink: boolean): ComponentChildren {
  const href = isInLink ? undefined : safeUrl(decodeReferences(target));
  if (href === undefined) return <span key={key}>{content}</span>;
  return (
    <a key={key} href={href} title={href} target="_blank" rel="noopener noreferrer">
      {content}
    </a>
  );
}

/** Also a fragment is none: it would be an address of this page. */
function safeUrl(target: string): string | undefined {
  if (!URL.canParse(target)) return undefined;
  const { protocol, href } = new URL(target);
  return ['http:', 'https:', 'mailto:'].includes(protocol) ? href : undefined;
}

/** The first word after the fence; others are for tools. */
function languageOf({ lang = '' }: Tokens.Code): string {
  return /^[\w+#.-]*/.exec(lang)![0].toLowerCase();
}

/** Whether the code has its last fence. */
function isClosed({ raw }: Tokens.Code): boolean {
  return /\n {0,3}(`{3,}|~{3,})\s*$/.test(raw);
}
