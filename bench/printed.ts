// Waits for what a program prints.
import type { ChildProcess } from 'node:child_process';

/** The match of what a program prints first; rejects when it ends before. */
export async function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let output = '';
  return new Promise((resolve, reject) => {
    const read = (text: string) => {
      output += text;
      const found = pattern.exec(output);
      if (found !== null) resolve(found);
    };
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', read);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
}
