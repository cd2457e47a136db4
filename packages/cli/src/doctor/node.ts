// Node.js is new enough.
import type { Check } from './check.js';

const [leastMajor, leastMinor] = [20, 19];

/** The version of Node.js. */
export const nodeCheck: Check<unknown> = {
  id: 'node',
  title: 'Node.js',
  run() {
    const { node } = process.versions;
    const [major, minor] = node.split('.').map(Number) as [number, number];
    const isOld = major < leastMajor || (major === leastMajor && minor < leastMinor);
    const detail = `Node.js ${node} is older than ${leastMajor}.${leastMinor}`;
    const fix = 'Install a current version from https://nodejs.org';
    return { summary: node, problems: isOld ? [{ status: 'error', detail, fix }] : [] };
  },
};
