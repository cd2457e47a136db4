// The models: what runs and why others wait, what is on disk, what could be had, and the engines that run them.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { Note, Problem, ViewHeader } from '../../components/basics.js';
import { Icon } from '../../components/icons.js';
import type { ViewProps } from '../../lazy-view.js';
import { href } from '../../router.js';
import type { Session } from '../../server/session.js';
import { Engines } from './engines.js';
import { MemoryBar } from './memory-bar.js';
import { ModelList } from './model-list.js';
import { matchingRows, modelsElsewhere, modelsHere, type RowParts } from './model-rows.js';
import { NoModels } from './no-models.js';

/** With so many models, a field to find one is shown. */
const many = 8;

/** The view `models`. */
export function ModelsView({ session }: ViewProps): JSX.Element {
  const filter = useSignal('');
  const notice = useSignal<string | undefined>(undefined);
  const parts = partsOf(session);
  const models = session.models.value.value;
  return (
    <>
      <ViewHeader title="Models">
        {models !== undefined && models.total > many ? (
          <input
            type="search"
            aria-label="Filter models"
            placeholder="Filter…"
            value={filter.value}
            onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
          />
        ) : undefined}
        <a class="button" href={href('downloads')}>
          <Icon name="plus" />
          Get a model
        </a>
      </ViewHeader>
      <Problems session={session} />
      <MemoryBar session={session} />
      <p class="notice" role="status">
        {notice.value}
      </p>
      {models === undefined ? undefined : (
        <Models
          session={session}
          parts={{ ...parts, models: models.models }}
          filter={models.total > many ? filter.value : ''}
          onRemoved={(text) => (notice.value = text)}
        />
      )}
      <Engines session={session} />
    </>
  );
}

function Models({
  session,
  parts,
  filter,
  onRemoved,
}: {
  readonly session: Session;
  readonly parts: RowParts;
  readonly filter: string;
  readonly onRemoved: (text: string) => void;
}): JSX.Element {
  const here = modelsHere(parts);
  const elsewhere = modelsElsewhere(parts);
  if (here.length + elsewhere.length === 0) return <NoModels />;
  const shown = matchingRows(here, filter);
  const shownElsewhere = matchingRows(elsewhere, filter);
  const list = { session, onRemoved };
  return (
    <>
      {here.length === 0 ? <NoModels /> : undefined}
      {shown.length + shownElsewhere.length === 0 ? <Note>{`No model matches “${filter}”.`}</Note> : undefined}
      <ModelList {...list} title="Available" rows={shown} total={here.length} />
      <ModelList {...list} title="Not on disk" rows={shownElsewhere} total={elsewhere.length} />
    </>
  );
}

function Problems({ session }: { readonly session: Session }): JSX.Element {
  const texts = new Set([session.models, session.ps].flatMap(({ problem }) => problem.value ?? []));
  return (
    <>
      {[...texts].map((text) => (
        <Problem key={text} text={text} />
      ))}
    </>
  );
}

function partsOf(session: Session): Omit<RowParts, 'models'> {
  return {
    runs: session.ps.value.value?.models ?? {},
    downloads: session.downloads.value.value?.downloads ?? [],
    served: session.served.value.value?.data ?? [],
  };
}
