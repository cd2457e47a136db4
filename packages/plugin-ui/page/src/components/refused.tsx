// What is shown when the server refuses the page whatever the key is: for its origin or its host name.
import type { JSX } from 'preact';
import { Button, Note, Problem } from './basics.js';

export function Refused({
  problem,
  onRetry,
}: {
  /** What the server said, and what to do. */
  readonly problem: string;
  readonly onRetry: () => void;
}): JSX.Element {
  return (
    <main class="gate">
      <h1>Lamina</h1>
      <Problem text={problem} />
      <Note>The server does not accept this page at this address.</Note>
      <Button label="Try again" icon="retry" onClick={onRetry} />
    </main>
  );
}
