// A list of models.
import type { JSX, VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { formatNumber } from '../../format.js';
import type { Session } from '../../server/session.js';
import { ModelItem } from './model-item.js';
import type { ModelRow } from './model-rows.js';

export function ModelList({
  session,
  title,
  rows,
  total,
  onRemoved,
}: {
  readonly session: Session;
  readonly title: string;
  readonly rows: readonly ModelRow[];
  /** How many there are without a filter. */
  readonly total: number;
  readonly onRemoved: (text: string) => void;
}): JSX.Element | undefined {
  const list = useFocusThatStays<HTMLUListElement>();
  const itemOf = useUnchanged();
  if (rows.length === 0) return undefined;
  const count = rows.length === total ? formatNumber(total) : `${formatNumber(rows.length)} of ${formatNumber(total)}`;
  return (
    <section class="section">
      <h2>
        {title} <span class="count">{count}</span>
      </h2>
      <ul class="models" ref={list}>
        {rows.map((row) =>
          itemOf(row, () => <ModelItem key={row.name} session={session} row={row} onRemoved={onRemoved} />),
        )}
      </ul>
    </section>
  );
}

/** A started model moves to the top. What is moved in a document loses the focus, so it is given back. */
function useFocusThatStays<T extends HTMLElement>(): { current: T | null } {
  const list = useRef<T>(null);
  const focused = list.current?.contains(document.activeElement) === true ? document.activeElement : undefined;
  useLayoutEffect(() => {
    if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused) focused.focus();
  });
  return list;
}

/** Each document of the server has new objects. What is equal is not drawn again: there may be hundreds of models. */
function useUnchanged(): (row: ModelRow, draw: () => VNode) => VNode {
  const drawn = useRef(new Map<string, { readonly text: string; readonly node: VNode }>());
  const last = drawn.current;
  const now = (drawn.current = new Map());
  return (row, draw) => {
    const text = JSON.stringify(row);
    const before = last.get(row.name);
    const item = before?.text === text ? before : { text, node: draw() };
    now.set(row.name, item);
    return item.node;
  };
}
