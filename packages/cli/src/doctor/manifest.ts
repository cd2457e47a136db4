// The manifest and the model files, as `lamina validate` checks them.
import { validationView } from '@lamina/core';
import { countedFaults, faultsOf } from '../faults.js';
import { counted } from '../table.js';
import type { Check, LaminaSubject, Problem } from './check.js';

/** The manifest and the model files. */
export const manifestCheck: Check<LaminaSubject> = {
  id: 'manifest',
  title: 'Manifest',
  async run({ opened: { lamina }, manifestProblem }, signal) {
    const fix = 'lamina validate';
    if (manifestProblem !== undefined) {
      const detail = manifestProblem.split('\n')[0]!;
      return { summary: detail, problems: [{ status: 'error', detail, fix }] };
    }
    const { models } = lamina;
    const view = validationView(await models.validate(undefined, { signal }), models.diagnostics());
    const faults = faultsOf(view);
    const counts = countedFaults(faults);
    const detail = `The manifest and the model files have ${counts.join(' and ')}`;
    const problems: readonly Problem[] =
      counts.length === 0 ? [] : [{ status: faults.errors > 0 ? 'error' : 'warning', detail, fix }];
    return { summary: `${counted(view.checked, 'model')}, no problems`, problems };
  },
};
