// Reads the devices from the output of `llama-server --list-devices`.
import type { Device } from '@lamina/core/plugin';

const mebibyte = 1024 * 1024;

/**
 * The devices, in llama.cpp's own order. The lines follow `Available devices:` on standard output and read `  CUDA0:
 * NVIDIA GeForce RTX 4090 (24080 MiB, 23500 MiB free)`; a build for the processor alone prints `  (none)`
 * (common/arg.cpp).
 */
export function parseDevices(stdout: string): readonly Device[] {
  const list = stdout.split(/^Available devices:\s*$/m)[1] ?? '';
  return list.split('\n').flatMap((line) => deviceOf(line.trimEnd()) ?? []);
}

function deviceOf(line: string): Device | undefined {
  const [, name, description, total, free] = /^ +(\S+?): (.*?)(?: \((\d+) MiB, (\d+) MiB free\))?$/.exec(line) ?? [];
  if (name === undefined || description === undefined) return undefined;
  const memory =
    total === undefined || free === undefined
      ? {}
      : { totalBytes: Number(total) * mebibyte, freeBytes: Number(free) * mebibyte };
  // Metal's devices are those of Apple silicon: their memory is that of the system.
  return { name, description, ...memory, ...(/^(?:MTL|Metal)/.test(name) ? { unified: true } : {}) };
}
