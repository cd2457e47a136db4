// The fake backend passes the whole conformance suite.
import { backendConformance } from '@lamina/testing';
import { fakeKit, testFolder } from './fake-kit.js';

describe('the fake backend', () => {
  for (const { name, skip, run } of backendConformance(fakeKit(testFolder()))) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (${skip})`);
  }
});
