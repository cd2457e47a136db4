import assert from 'node:assert/strict';
import { parseHelp } from '../dist/flags.js';
import { help070, helpEarly2025 } from './help.js';

describe('the flags of a build', () => {
  const flags = parseHelp(help070);

  it('are known by all their names', () => {
    for (const name of [
      '-c',
      '--ctx-size',
      '-kvo',
      '--no-kv-offload',
      '--spec-draft-model',
      '-md',
      '--model-draft',
      '--no-webui',
    ])
      assert.ok(flags.has(name), name);
    assert.ok(!flags.has('--no-such-flag'));
  });

  it('have a value when the help shows a placeholder, wherever the description is', () => {
    const taking = ['--ctx-size', '--flash-attn', '--gpu-layers', '--model-draft', '--spec-type', '--lora'].filter(
      (name) => !flags.get(name)?.takesValue,
    );
    assert.deepEqual(taking, []);
    const switches = [
      '--perf',
      '--no-kv-offload',
      '--cpu-moe',
      '--no-ui',
      '--embeddings',
      '--offline',
      '--help',
    ].filter((name) => flags.get(name)?.takesValue);
    assert.deepEqual(switches, []);
  });

  it('do not include removed flags that the help only lists as removed', () => {
    assert.ok(!flags.has('--draft-max') && !flags.has('--draft'));
    assert.ok(flags.has('--spec-draft-n-max'));
  });

  it('have a description of one line', () => {
    assert.match(flags.get('--gpu-layers')?.help ?? '', /either an exact number, 'auto', or 'all' \(default: auto\)$/);
    assert.match(flags.get('--load-mode')?.help ?? '', /none: no special loading mode$/);
  });

  it('differ between builds: a flag with a value today was a switch before', () => {
    const older = parseHelp(helpEarly2025);
    assert.equal(older.get('--flash-attn')?.takesValue, false);
    assert.equal(older.get('--log-colors')?.takesValue, false);
    assert.ok(older.has('--draft-max') && !older.has('--no-ui'));
  });

  it('are empty when the text is not a help text', () => {
    assert.equal(parseHelp('llama-server: cannot execute').size, 0);
  });
});
