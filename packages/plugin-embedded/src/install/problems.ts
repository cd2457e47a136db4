// Explains why an installation failed, from the output of npm.
import { firstMatch, type TaskResult } from '@lamina/core/plugin';

const offline =
  /npm error (?:code|errno) (?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT|FETCH_ERROR|UND_ERR_\w+)/;

const problems: readonly (readonly [pattern: RegExp, sentence: (match: RegExpExecArray) => string])[] = [
  [offline, () => 'the npm registry cannot be reached'],
  [/npm error code E40[13]/, () => 'the npm registry refuses this user'],
  [/npm error 404 .*'(@?[\w./-]+)@/, ([, name]) => `the npm registry does not have ${name}`],
  [/npm error code (?:ETARGET|E404)/, () => 'the npm registry does not have all of its packages'],
  [/npm error code EINTEGRITY/, () => 'a package from the npm registry does not match the lock file (EINTEGRITY)'],
  [/npm error code ENOSPC|ENOSPC: no space left/, () => 'the disk is full'],
  [/npm error code (?:EACCES|EPERM|EROFS)/, () => 'its directory is not writable'],
  [
    /npm error code (?:CERT_\w+|\w+_CERT\w*|DEPTH_ZERO_\w+|UNABLE_TO_\w+|ERR_TLS_\w+)/,
    ([code]) => `the certificate of the npm registry is not trusted (${code.split(' ').at(-1)})`,
  ],
];

/** The reason, for a sentence that begins "node-llama-cpp could not be installed: ". */
export function installProblem({ lines, code, signal }: TaskResult): string {
  for (const [pattern, sentence] of problems) {
    const match = firstMatch(lines, pattern);
    if (match !== undefined) return sentence(match);
  }
  const printed = lines.filter((line) => line.startsWith('npm error') && !/A complete log|^npm error$/.test(line));
  return (
    printed.find((line) => !line.startsWith('npm error code')) ??
    printed[0] ??
    lines.at(-1) ??
    `npm ended with ${signal ?? code}`
  ).replace(/^npm error /, '');
}
