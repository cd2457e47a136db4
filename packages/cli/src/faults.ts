// Errors and warnings: how many a validation found, and how their numbers are said.
import type { ValidationView } from '@lamina/core/protocol';
import { counted } from './table.js';

/** How many of each there are. */
export interface FaultCounts {
  readonly errors: number;
  readonly warnings: number;
}

/** The faults of the manifest, and of the files of models, each of which is an error. */
export function faultsOf({ diagnostics, models }: Pick<ValidationView, 'diagnostics' | 'models'>): FaultCounts {
  const warnings = diagnostics.filter(({ severity }) => severity === 'warning').length;
  const broken = Object.values(models).flatMap(({ problems }) => problems).length;
  return { errors: diagnostics.length - warnings + broken, warnings };
}

/** `2 errors`, `1 warning`: those of which there are any. */
export function countedFaults({ errors, warnings }: FaultCounts): readonly string[] {
  return [...(errors > 0 ? [counted(errors, 'error')] : []), ...(warnings > 0 ? [counted(warnings, 'warning')] : [])];
}
