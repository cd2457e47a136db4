// Reads the version from the output of `llama-server --version`.
import type { RunResult } from '@lamina/core/plugin';

/**
 * The version: `0.7.0`, or `b6123` for builds that are only numbered. It is printed to standard error, after lines such
 * as those of `ggml_cuda_init`: `version: 0.7.0 (build 11669, commit Debian)` since 2026-08, `version: 6123 (abc1234)`
 * before (common/arg.cpp).
 */
export function parseVersion({ stdout, stderr }: Pick<RunResult, 'stdout' | 'stderr'>): string | undefined {
  const version = /version:\s*(\S+)\s*\(/.exec(`${stderr}\n${stdout}`)?.[1];
  return version !== undefined && /^\d+$/.test(version) ? `b${version}` : version;
}
