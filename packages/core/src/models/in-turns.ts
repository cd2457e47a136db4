// Work on many items, a few at once, with room for others in between.
import { Slices } from './slices.js';

const atOnce = 256;

/** Does `work` for every item, 256 at once; the answers are in the items' order. The first failure fails all. Work done at once costs no waiting. */
export async function inTurns<Item, Answer>(items: readonly Item[], work: (item: Item, place: number) => Answer | Promise<Answer>): Promise<readonly Answer[]> {
  const answers = new Array<Answer>(items.length);
  const slices = new Slices();
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const answer = work(items[index]!, index);
      const isLater = answer instanceof Promise;
      answers[index] = isLater ? await answer : answer;
      if (isLater ? slices.over : slices.overInSmallSteps) await slices.pause();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return answers;
}
