// How to install llama-server on each system, in one sentence.

/** The sentence for a platform of Node, `process.platform`. */
export function installHint(platform: NodeJS.Platform): string {
  return `${wayFor(platform)}, so that llama-server is in PATH.`;
}

function wayFor(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return 'Install llama.cpp with "brew install llama.cpp"';
  if (platform === 'win32') return 'Install llama.cpp with "winget install llama.cpp"';
  return 'Install llama.cpp (the package llama.cpp-tools in recent Debian and Ubuntu, "brew install llama.cpp", or a release of the project)';
}
