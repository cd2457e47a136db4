// Work on many items, a few at once, with room for others in between.
import { Slices } from './slices.js';

const atOnce = 256;

/**
 * Does `work` for every item, 256 at once; the answers are in the items' order. The first failure fails all. Work done
 * at once costs no waiting.
 */
export async function inTurns<Item, Answer>(
  items: readonly Item[],
  work: (item: Item, place: number) => Answer | Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers = new Array<Answer>(items.length);
  const slices = new Slices();
  const later = new UnderWay();
  for (let index = 0; index < items.length; index += 1) {
    const answer = work(items[index]!, index);
    if (answer instanceof Promise) later.add(answer.then((value) => void (answers[index] = value)));
    else answers[index] = answer;
    if (slices.overInSmallSteps) await slices.pause();
    if (later.count >= atOnce) await later.atMost(atOnce - 1);
  }
  await later.atMost(0);
  return answers;
}

/** Work that is under way. */
class UnderWay {
  count = 0;
  private failure: { readonly error: unknown } | undefined;
  private tell: () => void = () => undefined;

  add(work: Promise<void>): void {
    this.count += 1;
    void work
      .catch((error: unknown) => void (this.failure ??= { error }))
      .then(() => {
        this.count -= 1;
        this.tell();
      });
  }

  /** Waits until no more than so many are left. @throws what the first that failed threw */
  async atMost(left: number): Promise<void> {
    while (this.count > left && this.failure === undefined) await new Promise<void>((resolve) => (this.tell = resolve));
    if (this.failure !== undefined) throw this.failure.error;
  }
}
