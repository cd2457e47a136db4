// The registries of the installed sources answer, through the proxies of the environment.
import { ProxiedFetch } from '@lamina/core';
import { networkReasonOf } from '@lamina/core/protocol';
import type { Check, LaminaSubject, Problem } from './check.js';

/** What is reached; only with --online. */
export const onlineCheck: Check<LaminaSubject> = {
  id: 'online',
  title: 'Network',
  async run({ opened: { lamina }, io: { env } }, signal) {
    const sources = lamina.plugins.flatMap((plugin) => plugin.sources);
    const urls = [
      ...(sources.includes('huggingface') ? [env['HF_ENDPOINT'] || 'https://huggingface.co'] : []),
      ...(sources.includes('ollama') ? ['https://registry.ollama.ai'] : []),
    ];
    if (urls.length === 0) return { summary: 'no plugin for a source of models is installed' };
    const proxied = new ProxiedFetch(env);
    try {
      const problems = await Promise.all(urls.map((url) => problemOf(url, proxied, signal)));
      return { summary: urls.join(' and '), problems: problems.flatMap((problem) => problem ?? []) };
    } finally {
      await proxied.close();
    }
  },
};

/** Any answer will do: it came from there. */
async function problemOf(url: string, { fetch }: ProxiedFetch, signal: AbortSignal): Promise<Problem | undefined> {
  try {
    const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal });
    await response.body?.cancel();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const fix = 'Check the connection, and HTTPS_PROXY if this machine needs a proxy';
    return { status: 'error', detail: `${url} cannot be reached: ${networkReasonOf(error)}`, fix };
  }
}
