// Chooses the build of node-llama-cpp for a machine. Builds are separate packages, as of 3.22.1.
import { existsSync } from 'node:fs';
import { LaminaError } from '@lamina/core/plugin';
import type { EmbeddedOptions } from './options.js';

/** A build: its packages, and the device for the engine. */
export interface Build {
  /** `cpu`, `cuda`, … */
  readonly name: string;
  readonly gpu: string | false;
  /** Its packages; the first one is required. */
  readonly packages: readonly [string, ...string[]];
  /** What its first use downloads, where that was measured. */
  readonly megabytes?: number;
}

/** A machine, by Node's names. */
export interface Platform {
  readonly os: string;
  readonly processor: string;
  readonly hasNvidia: boolean;
}

/** Platform → the package of the build for the processor alone, and those for GPUs. */
const builds: Readonly<Record<string, Readonly<Record<string, readonly [string, ...string[]]>>>> = {
  'linux x64': { cpu: ['linux-x64'], cuda: ['linux-x64-cuda', 'linux-x64-cuda-ext'], vulkan: ['linux-x64-vulkan'] },
  'linux arm64': { cpu: ['linux-arm64'] },
  'linux arm': { cpu: ['linux-armv7l'] },
  'linux riscv64': { cpu: ['linux-riscv64'] },
  'darwin arm64': { cpu: ['mac-arm64-metal'], metal: ['mac-arm64-metal'] },
  'darwin x64': { cpu: ['mac-x64'] },
  'win32 x64': { cpu: ['win-x64'], cuda: ['win-x64-cuda', 'win-x64-cuda-ext'], vulkan: ['win-x64-vulkan'] },
  'win32 arm64': { cpu: ['win-arm64'] },
};

/** The download of each package in MB, and of node-llama-cpp with its libraries; those of other systems are not known. */
const megabytes: Readonly<Record<string, number>> = {
  'linux-x64': 11,
  'linux-x64-cuda': 143,
  'linux-x64-cuda-ext': 177,
  'linux-x64-vulkan': 24,
  'linux-arm64': 7,
  'linux-armv7l': 4,
};
const libraryMegabytes = 44;

/** The machine Lamina runs on. */
export function thisPlatform(): Platform {
  return { os: process.platform, processor: process.arch, hasNvidia: existsSync('/dev/nvidiactl') };
}

/** The build for a machine. @throws LaminaError `NOT_SUPPORTED` when there is none */
export function buildFor(wanted: EmbeddedOptions['gpu'], { os, processor, hasNvidia }: Platform): Build {
  const available = builds[`${os} ${processor}`];
  if (available === undefined)
    throw new LaminaError('NOT_SUPPORTED', { message: `node-llama-cpp has no build for ${os} on ${processor}` });
  const name =
    wanted === undefined || wanted === 'auto'
      ? automatic(available, wanted === 'auto' && hasNvidia)
      : wanted === false
        ? 'cpu'
        : wanted;
  const packages = available[name];
  if (packages === undefined)
    throw new LaminaError('NOT_SUPPORTED', {
      message: `node-llama-cpp has no build with ${name} for ${os} on ${processor}; it has ${Object.keys(available).join(', ')}`,
    });
  return {
    name,
    gpu: name === 'cpu' ? false : name,
    packages: packages.map((each) => `@node-llama-cpp/${each}`) as [string, ...string[]],
    ...(packages.every((each) => each in megabytes)
      ? { megabytes: packages.reduce((sum, each) => sum + megabytes[each]!, libraryMegabytes) }
      : {}),
  };
}

function automatic(available: Readonly<Record<string, unknown>>, hasNvidia: boolean): string {
  if ('metal' in available) return 'metal';
  return hasNvidia && 'cuda' in available ? 'cuda' : 'cpu';
}
