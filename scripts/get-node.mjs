// Prints the path of a Node.js of the given major version: node scripts/get-node.mjs 22. Installs it into the cache
// folder from npm's registry, which has its binaries as packages, unless it is there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const version = process.argv[2];
const platform = process.platform === 'win32' ? 'win' : process.platform;
const name = `node-${platform}-${process.arch}`;
const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lamina', `node-${version}`);
const program = join(folder, 'node_modules', name, 'bin', platform === 'win' ? 'node.exe' : 'node');

if (!existsSync(program)) {
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--no-audit', '--no-fund', '--no-save', '--prefix', folder, `${name}@${version}`];
  const { status, stderr } = spawnSync('npm', args, { encoding: 'utf8', shell: platform === 'win' });
  if (status !== 0) {
    console.error(`get-node: Cannot install ${name}@${version}: ${stderr.trim().split('\n')[0]}`);
    process.exit(3);
  }
}
console.log(program);
