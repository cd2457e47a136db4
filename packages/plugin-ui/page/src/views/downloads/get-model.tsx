// How to get a model: a search at the sources of the server, or a reference. Nothing is sent while one types.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { DownloadView } from '@lamina/core/protocol';
import { Button, Note, Problem } from '../../components/basics.js';
import { useAction } from '../../components/use-action.js';
import type { Session } from '../../server/session.js';
import { SearchForm } from './search-form.js';

export function GetModel({ session }: { readonly session: Session }): JSX.Element {
  return (
    <section class="card get-model" aria-labelledby="get-model">
      <h2 id="get-model">Get a model</h2>
      {session.connection.value === 'live' && !session.mayManage.value ? (
        <Note>Searching and downloading need a key with the scope manage.</Note>
      ) : undefined}
      <SearchForm session={session} />
      <ReferenceForm session={session} />
    </section>
  );
}

function ReferenceForm({ session }: { readonly session: Session }): JSX.Element {
  const reference = useSignal('');
  const name = useSignal('');
  const started = useSignal<DownloadView | undefined>(undefined);
  const { isRunning, problem, run } = useAction();
  const start = async (): Promise<void> => {
    started.value = undefined;
    const own = name.value.trim();
    const request = { reference: reference.value.trim(), ...(own === '' ? {} : { name: own }) };
    started.value = await session.client.downloads.start(request);
    reference.value = name.value = '';
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (reference.value.trim() !== '' && !isRunning) void run(start);
      }}
    >
      <div class="fields">
        <label class="field wide">
          Reference
          <input
            value={reference.value}
            placeholder="owner/repo:quantization or https://…"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            onInput={({ currentTarget }) => (reference.value = currentTarget.value)}
          />
        </label>
        <label class="field">
          Name (optional)
          <input
            value={name.value}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
          />
        </label>
        <Button label="Pull" icon="downloads" type="submit" needsManage isBusy={isRunning} />
      </div>
      {problem === undefined ? undefined : <Problem text={problem} />}
      <p class="note" role="status">
        {started.value === undefined ? undefined : `Downloading “${started.value.model}”.`}
      </p>
    </form>
  );
}
