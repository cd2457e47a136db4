// What the tabs of this browser tell one another: who receives an answer, and which conversations have changed.

type Notice =
  | { readonly kind: 'who'; readonly id: string }
  | { readonly kind: 'me'; readonly id: string }
  /** `id`: of one conversation, else any. */
  | { readonly kind: 'changed'; readonly id?: string };

/** How long another tab has to answer, in milliseconds. */
const answerTime = 300;

/** The other tabs. */
export class Tabs {
  readonly #channel = new BroadcastChannel('lamina.chat');
  #isClosed = false;
  readonly #waiting = new Map<string, (isElsewhere: boolean) => void>();

  /**
   * @param isReceiving Whether this tab receives an answer of the conversation.
   * @param onChanged Another tab has changed a conversation.
   */
  constructor(isReceiving: (id: string) => boolean, onChanged: (id: string | undefined) => void) {
    this.#channel.onmessage = ({ data }: MessageEvent<Notice>) => {
      if (data.kind === 'changed') onChanged(data.id);
      else if (data.kind === 'me') this.#waiting.get(data.id)?.(true);
      else if (isReceiving(data.id)) this.#post({ kind: 'me', id: data.id });
    };
  }

  /** Whether another tab receives an answer of the conversation. */
  isElsewhere(id: string): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(false), answerTime);
      const end = (isElsewhere: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(isElsewhere);
      };
      this.#waiting.set(id, end);
      this.#post({ kind: 'who', id });
    });
  }

  /** Tells the others that a conversation has changed, or all. */
  changed(id?: string): void {
    this.#post({ kind: 'changed', ...(id === undefined ? {} : { id }) });
  }

  close(): void {
    this.#isClosed = true;
    this.#channel.close();
    for (const end of this.#waiting.values()) end(false);
  }

  #post(notice: Notice): void {
    if (this.#isClosed) return;
    this.#channel.postMessage(notice);
  }
}
