// A scrolling element that stays at its end while it grows, as long as the reader is there.
import { useSignal, type ReadonlySignal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.js';

/** How far from its end an element counts as being there, in pixels. */
const tolerance = 8;

/** What {@link useFollowEnd} returns. */
export interface FollowEnd {
  /** For the element that scrolls. Its first child has the content that grows. */
  readonly element: RefObject<HTMLDivElement | null>;
  /** Whether the reader is at the end, so that the element follows it. */
  readonly isFollowing: ReadonlySignal<boolean>;
  /** Scrolls to the end and follows it. */
  toEnd(): void;
}

/** Follows the end of an element until the reader scrolls up, and again when they come back to the end. */
export function useFollowEnd(): FollowEnd {
  const element = useRef<HTMLDivElement>(null);
  const isFollowing = useSignal(true);
  const toEnd = (): void => {
    isFollowing.value = true;
    element.current?.scrollTo({ top: element.current.scrollHeight });
  };
  useEffect(() => {
    const scroller = element.current!;
    let lastTop = 0;
    const onScroll = (): void => {
      const { scrollTop, scrollHeight, clientHeight } = scroller;
      if (scrollHeight - scrollTop - clientHeight <= tolerance) isFollowing.value = true;
      // Content that was added since the last scroll is no reason to stop: only scrolling up is.
      else if (scrollTop < lastTop) isFollowing.value = false;
      lastTop = scrollTop;
      // The browser would keep visible lines in place when others above them are removed.
      scroller.style.overflowAnchor = isFollowing.value ? 'none' : 'auto';
    };
    const sizes = new ResizeObserver(() => {
      if (isFollowing.value) toEnd();
    });
    sizes.observe(scroller);
    sizes.observe(scroller.firstElementChild!);
    scroller.addEventListener('scroll', onScroll, { passive: true });
    onScroll();
    return () => {
      sizes.disconnect();
      scroller.removeEventListener('scroll', onScroll);
    };
  }, []);
  return { element, isFollowing, toEnd };
}

/** The way back to the end, shown while the reader is elsewhere. Place it over the element that scrolls. */
export function NewestButton({ follow }: { readonly follow: FollowEnd }): JSX.Element | undefined {
  if (follow.isFollowing.value) return undefined;
  const toEnd = (): void => {
    follow.toEnd();
    follow.element.current?.focus({ preventScroll: true }); // The button disappears.
  };
  return (
    <button type="button" class="button" onClick={toEnd}>
      <Icon name="down" />
      <span>Newest</span>
    </button>
  );
}
