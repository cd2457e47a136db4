// Mocha reporter for scripts/test.mjs: prints failures and skipped suites, then one line with the counts.
import Mocha from 'mocha';

export default class TestReporter extends Mocha.reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    const skipped = new Set();
    runner.on('pending', ({ parent, title }) => skipped.add(parent.isPending() ? parent.fullTitle() : title));
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      if (failures > 0) this.epilogue();
      for (const title of skipped) console.log(`  - ${title}`);
      console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
    });
  }
}
