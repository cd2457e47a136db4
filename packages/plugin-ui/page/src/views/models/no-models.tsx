// Three ways to a model, shown while there is none.
import type { JSX } from 'preact';
import { CopyButton } from '../../components/basics.js';
import { href } from '../../router.js';

const pull = 'lamina pull bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M --name llama3.2-3b';
const importOllama = 'lamina import ollama';
const entry = 'models:\n  my-model:\n    path: my-model.gguf';

export function NoModels(): JSX.Element {
  return (
    <section class="ways" aria-labelledby="ways">
      <h2 id="ways">No model is on this machine yet. Three ways to get one:</h2>
      <ol>
        <li class="card">
          <h3>Search and download</h3>
          <p>Find a model at the sources of this server, and pull it here.</p>
          <a class="button primary" href={href('downloads')}>
            Get a model
          </a>
        </li>
        <li class="card">
          <h3>On the command line</h3>
          <p>Download one, or use those that Ollama has already:</p>
          <Command text={pull} />
          <Command text={importOllama} />
        </li>
        <li class="card">
          <h3>From a file</h3>
          <p>
            Copy a GGUF file into the models directory; it appears here by itself. To give it a name and options, write
            them into <code>models.yaml</code> there:
          </p>
          <Command text={entry} />
        </li>
      </ol>
    </section>
  );
}

function Command({ text }: { readonly text: string }): JSX.Element {
  return (
    <div class="command">
      <pre>{text}</pre>
      <CopyButton label={`Copy ${text.split('\n', 1)[0]}`} iconOnly text={() => text} />
    </div>
  );
}
