// The memory that models share: what is reserved of each resource, and by which model.
import type { JSX } from 'preact';
import type { Session } from '../../server/session.js';
import { countsModels, resourceText, sharesOf } from './sentences.js';

export function MemoryBar({ session }: { readonly session: Session }): JSX.Element | undefined {
  const ps = session.ps.value.value;
  if (ps === undefined) return undefined;
  return (
    <ul class="memory" aria-label="Memory">
      {Object.entries(ps.resources).map(([name, resource]) => (
        <li key={name}>
          {resource.budget === undefined || countsModels(name) ? undefined : (
            <div class="shares" aria-hidden="true">
              {sharesOf(name, ps).map(({ model, share }) => (
                <div key={model} title={model} style={{ width: `${share * 100}%` }} />
              ))}
            </div>
          )}
          <span>{resourceText(name, resource)}</span>
        </li>
      ))}
    </ul>
  );
}
