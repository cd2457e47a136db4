// An answer as Markdown, while it grows and after.
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { Note } from '../../../components/basics.js';
import { pure } from '../../../components/pure.js';
import { PlainText } from './plain-text.js';
import { MarkdownReader, type MarkdownBlock } from './reader.js';
import { renderBlock } from './render.js';

/** A text in Markdown. */
export const Markdown = pure(
  ({
    text,
    isComplete,
  }: {
    /** What was given before, and more. */
    readonly text: string;
    readonly isComplete: boolean;
  }): JSX.Element => {
    const reader = useRef<MarkdownReader>(undefined);
    reader.current ??= new MarkdownReader();
    const { blocks, rest } = reader.current.read(text, isComplete);
    return (
      <div class="markdown">
        {blocks.map((block, index) => (
          <Block key={index} block={block} />
        ))}
        {rest === '' ? undefined : (
          <>
            <Note>From here on, the answer is too long to be formatted.</Note>
            <PlainText text={rest} />
          </>
        )}
      </div>
    );
  },
);

const Block = pure(({ block }: { readonly block: MarkdownBlock }) => renderBlock(block));
