// A list of what arrives now: it can be filtered and paused, and follows its end while the reader is there.
import { useComputed, useSignal } from '@preact/signals';
import type { ComponentChildren, JSX, VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { counted } from '../format.js';
import { LineFilter } from '../line-filter.js';
import type { LiveList, Numbered } from '../live-list.js';
import { Button, Empty } from './basics.js';
import { NewestButton, useFollowEnd } from './follow-end.js';

interface LiveListViewProps<Item> {
  readonly list: LiveList<Item>;
  /** What the list has, for screen readers: `Log of tiny`. */
  readonly label: string;
  /** What an item is called: `line`. */
  readonly noun: string;
  /** The text of an item that the filter searches. */
  readonly textOf: (item: Item) => string;
  /** An item as it is shown; called once for each. */
  readonly row: (item: Item) => VNode;
  /** Shown while there are no items. */
  readonly empty: ComponentChildren;
  /** A class of the list. */
  readonly kind?: string;
  /** Switches and buttons beside the filter; gets what is shown. */
  readonly children: (shown: readonly Item[]) => ComponentChildren;
}

/** A {@link LiveList} with its filter and its pause. */
export function LiveListView<Item>({
  list,
  label,
  noun,
  textOf,
  row,
  empty,
  kind = '',
  children,
}: LiveListViewProps<Item>): JSX.Element {
  const expression = useSignal('');
  const filter = useComputed(() => new LineFilter(expression.value));
  const follow = useFollowEnd();
  // A row that is the same object as before is not compared again.
  const rows = useMemo(() => new WeakMap<Numbered<Item>, VNode>(), [list]);
  const all = list.shown.value;
  const shown = filter.value.apply(all, ({ item }) => textOf(item));
  const { note } = filter.value;
  const rowOf = (numbered: Numbered<Item>): VNode => {
    const known = rows.get(numbered) ?? <Row key={numbered.number}>{row(numbered.item)}</Row>;
    rows.set(numbered, known);
    return known;
  };
  return (
    <>
      <div class="row list-tools">
        <input
          type="search"
          class="list-filter"
          aria-label={`Filter the ${noun}s by text or regular expression`}
          placeholder="Filter (text or regex)"
          spellcheck={false}
          value={expression.value}
          onInput={({ currentTarget }) => (expression.value = currentTarget.value)}
        />
        <Button
          label={list.isPaused.value ? 'Continue' : 'Pause'}
          icon={list.isPaused.value ? 'play' : 'pause'}
          onClick={() => (list.isPaused.value ? list.resume() : list.pause())}
        />
        {children(shown.map(({ item }) => item))}
      </div>
      <p class="note list-note" role="status">
        {note}
      </p>
      <div class="follow-end">
        {/* Not read out: an engine prints hundreds of lines when it starts. */}
        <div
          ref={follow.element}
          class={`list-lines ${kind}`}
          role="log"
          aria-live="off"
          aria-label={label}
          tabIndex={0}
        >
          <div>
            {shown.map(rowOf)}
            {shown.length > 0 ? undefined : (
              <Empty>{all.length === 0 ? empty : `No ${noun} matches the filter.`}</Empty>
            )}
          </div>
        </div>
        {list.waiting.value > 0 ? (
          <Button label={counted(list.waiting.value, `new ${noun}`)} icon="down" onClick={() => list.resume()} />
        ) : (
          <NewestButton follow={follow} />
        )}
      </div>
    </>
  );
}

/** Gives a row its number as the key, whatever it is. */
function Row({ children }: { readonly children: VNode }): VNode {
  return children;
}
