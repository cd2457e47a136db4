// Searches models at the sources of the server, and downloads what is chosen.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { FoundModelView, SearchView } from '@lamina/core/protocol';
import { ActionButton, Button, Note, Problem } from '../../components/basics.js';
import { useAction } from '../../components/use-action.js';
import { counted, formatRatio } from '../../format.js';
import type { Session } from '../../server/session.js';
import { ratioOf, stateText } from './download-text.js';
import { downloadOf, foundFacts } from './found-models.js';

export function SearchForm({ session }: { readonly session: Session }): JSX.Element {
  const words = useSignal('');
  const found = useSignal<SearchView | undefined>(undefined);
  const { isRunning, problem, run } = useAction();
  const search = async (): Promise<void> => {
    found.value = (await session.client.search(words.value.trim())) as SearchView;
  };
  return (
    <>
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (words.value.trim() !== '' && !isRunning) void run(search);
        }}
      >
        <div class="fields">
          <label class="field wide">
            Search
            <input
              type="search"
              value={words.value}
              placeholder="qwen3 4b"
              maxLength={200}
              onInput={({ currentTarget }) => (words.value = currentTarget.value)}
            />
          </label>
          <Button
            label={isRunning ? 'Searching…' : 'Search'}
            icon="search"
            type="submit"
            needsManage
            isBusy={isRunning}
          />
        </div>
      </form>
      {problem === undefined ? undefined : <Problem text={problem} />}
      {found.value === undefined ? undefined : (
        <Results session={session} found={found.value} onClear={() => (found.value = undefined)} />
      )}
    </>
  );
}

function Results({
  session,
  found: { models, failed },
  onClear,
}: {
  readonly session: Session;
  readonly found: SearchView;
  readonly onClear: () => void;
}): JSX.Element {
  return (
    <div class="results">
      <div class="section-head">
        <p role="status">{models.length === 0 ? 'Nothing was found.' : `${counted(models.length, 'model')} found.`}</p>
        <Button label="Clear" kind="plain" onClick={onClear} />
      </div>
      {failed.map(({ source, error }) => (
        <Problem key={source} text={`${source}: ${error.message}`} />
      ))}
      {models.length === 0 ? undefined : (
        <div class="found" role="region" aria-label="Models that were found" tabIndex={0}>
          <ul>
            {models.map((model) => (
              <Found key={`${model.source} ${model.reference}`} session={session} model={model} />
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Found({ session, model }: { readonly session: Session; readonly model: FoundModelView }): JSX.Element {
  const { reference, source, description } = model;
  const download = downloadOf(model, session.downloads.value.value?.downloads ?? []);
  const ratio = download === undefined ? undefined : ratioOf(download);
  return (
    <li>
      <div>
        <h3>{reference}</h3>
        <ul class="fact-line">
          {foundFacts(model).map((fact) => (
            <li key={fact}>{fact}</li>
          ))}
        </ul>
        {description === undefined ? undefined : <p class="note">{description}</p>}
      </div>
      {download === undefined ? (
        <ActionButton
          label="Pull"
          of={reference}
          icon="downloads"
          needsManage
          action={() => session.client.downloads.start({ reference, source })}
        />
      ) : (
        <Note>
          {ratio === undefined || ratio === 1 ? stateText(download) : `${stateText(download)}, ${formatRatio(ratio)}`}
        </Note>
      )}
    </li>
  );
}
