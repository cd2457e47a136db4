// What all views are built from.
import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useContext, useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { copyText } from '../copy-text.js';
import { formatRatio } from '../format.js';
import { hasNavigated } from '../router.js';
import { SessionContext } from '../server/session-context.js';
import { manageHint } from '../server/session.js';
import { Icon, type IconName } from './icons.js';
import { useAction } from './use-action.js';

/** The heading of a view, with what can be done there. It has the focus after navigation, for screen readers. */
export function ViewHeader({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (hasNavigated) heading.current?.focus();
  }, []);
  return (
    <header class="view-header">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children === undefined ? undefined : <div class="view-actions">{children}</div>}
    </header>
  );
}

/** A button. */
export interface ButtonProps {
  readonly label: string;
  /** What the button acts on, for screen readers: `Stop` of `tiny`. */
  readonly of?: string;
  readonly icon?: IconName;
  /** Shows the icon only; the label is its name. */
  readonly iconOnly?: boolean;
  readonly kind?: 'primary' | 'danger' | 'plain';
  readonly disabled?: boolean;
  /** Why it is disabled, or what it does. */
  readonly hint?: string | undefined;
  /** Needs a key with the scope `manage`: with another one it is disabled, and says so. */
  readonly needsManage?: boolean;
  /** Whether the part of the page that it shows or hides is shown. */
  readonly isExpanded?: boolean;
  /** Its action is running. It keeps the focus, which a disabled button would lose. */
  readonly isBusy?: boolean;
  readonly type?: 'button' | 'submit';
  readonly onClick?: () => void;
}

export function Button({
  label,
  of,
  icon,
  iconOnly = false,
  kind,
  disabled = false,
  hint,
  needsManage = false,
  isExpanded,
  isBusy = false,
  type = 'button',
  onClick,
}: ButtonProps): JSX.Element {
  const session = useContext(SessionContext);
  const isRefused = needsManage && session?.mayManage.value !== true;
  const name = of === undefined ? label : `${label} ${of}`;
  return (
    <button
      type={type}
      class={`button ${kind ?? ''} ${iconOnly ? 'icon-only' : ''}`}
      disabled={disabled || isRefused}
      title={(isRefused ? manageHint : hint) ?? (iconOnly ? name : undefined)}
      aria-label={iconOnly || of !== undefined ? name : undefined}
      aria-expanded={isExpanded}
      aria-disabled={isBusy ? true : undefined}
      onClick={isBusy ? undefined : onClick}
    >
      {icon === undefined ? undefined : <Icon name={icon} />}
      {iconOnly ? undefined : <span>{label}</span>}
    </button>
  );
}

/**
 * A button whose action takes a while. It does nothing meanwhile, and shows what failed. Without a connection it is
 * disabled.
 */
export function ActionButton({
  action,
  ...button
}: Omit<ButtonProps, 'onClick' | 'type'> & { readonly action: () => Promise<unknown> }): JSX.Element {
  const isLost = useContext(SessionContext)?.connection.value === 'lost';
  const { isRunning, problem, run } = useAction();
  return (
    <>
      <Button
        {...button}
        disabled={button.disabled === true || isLost}
        hint={isLost ? 'There is no connection to the server.' : button.hint}
        isBusy={isRunning}
        onClick={() => void run(action)}
      />
      {problem === undefined ? undefined : <Problem text={problem} />}
    </>
  );
}

/** Something that failed, and what to do. Screen readers read it when it appears. */
export function Problem({ text }: { readonly text: string }): JSX.Element {
  return (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}

/** A remark. */
export function Note({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="note">{children}</p>;
}

/** A bar that shows how far something is; without a ratio, that it goes on. */
export function Progress({
  label,
  ratio,
}: {
  /** What progresses, for screen readers. */
  readonly label: string;
  readonly ratio?: number | undefined;
}): JSX.Element {
  return (
    <progress
      class="progress"
      aria-label={label}
      value={ratio}
      max={1}
      title={ratio === undefined ? undefined : formatRatio(ratio)}
    />
  );
}

const tones = {
  ready: 'good',
  available: 'good',
  finished: 'good',
  starting: 'busy',
  downloading: 'busy',
  waking: 'busy',
  queued: 'busy',
  stopping: 'busy',
  degraded: 'warn',
  paused: 'warn',
  failed: 'bad',
} as const;

/** A state: a dot, and the word for those who do not see colours. */
export function State({ state }: { readonly state: string }): JSX.Element {
  return <span class={`state ${tones[state as keyof typeof tones] ?? ''}`}>{state}</span>;
}

/** Shown while there is nothing to show. */
export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <div class="empty">{children}</div>;
}

/** Copies a text, and says so. */
export function CopyButton({
  text,
  label = 'Copy',
  iconOnly = false,
}: {
  readonly text: () => string;
  readonly label?: string;
  readonly iconOnly?: boolean;
}): JSX.Element {
  const isCopied = useSignal(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (): Promise<void> => {
    await copyText(text());
    isCopied.value = true;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => (isCopied.value = false), 2000);
  };
  return (
    <Button
      label={isCopied.value ? 'Copied' : label}
      icon={isCopied.value ? 'check' : 'copy'}
      iconOnly={iconOnly}
      kind="plain"
      onClick={() => void copy()}
    />
  );
}

/** A modal dialog. Escape closes it; the focus returns to where it was. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // Before it is removed from the page, as the focus would be lost otherwise.
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} class="dialog" aria-label={title} onClose={onClose}>
      <header>
        <h2>{title}</h2>
        <Button label="Close" icon="close" iconOnly kind="plain" onClick={() => element.current?.close()} />
      </header>
      {children}
    </dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm({
  title,
  text,
  action,
  run,
  onClose,
}: {
  readonly title: string;
  readonly text: ComponentChildren;
  /** The label of the button that does it. */
  readonly action: string;
  readonly run: () => Promise<unknown>;
  readonly onClose: () => void;
}): JSX.Element {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <footer>
        <Button label="Keep" onClick={onClose} />
        <ActionButton
          label={action}
          kind="danger"
          action={async () => {
            await run();
            onClose();
          }}
        />
      </footer>
    </Dialog>
  );
}
