import assert from 'node:assert/strict';
import { grammarSchema } from '../dist/server/json-schema.js';

describe('a JSON Schema for node-llama-cpp', () => {
  const any = {
    oneOf: [
      { type: ['string', 'number', 'boolean', 'null'] },
      { type: 'object', additionalProperties: true },
      { type: 'array' },
    ],
  };

  it('keeps the supported keywords, and drops those that only narrow', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { type: 'string', pattern: '^x', minLength: 2, description: 'A' },
        b: { type: 'integer', minimum: 1 },
        c: { type: 'string', format: 'date' },
      },
      required: ['a'],
    };
    assert.deepEqual(grammarSchema(schema), {
      type: 'object',
      properties: {
        a: { minLength: 2, description: 'A', type: 'string' },
        b: { type: 'integer' },
        c: { type: 'string', format: 'date' },
      },
      additionalProperties: false,
    });
  });

  it('writes alternatives as the library does', () => {
    assert.deepEqual(grammarSchema({ anyOf: [{ type: 'string' }, { type: 'null' }] }), {
      oneOf: [{ type: 'string' }, { type: 'null' }],
    });
    assert.deepEqual(grammarSchema({ type: ['string', 'null'] }), { type: ['string', 'null'] });
    assert.deepEqual(grammarSchema({ type: ['object', 'null'] }), {
      oneOf: [{ type: 'object', properties: {}, additionalProperties: true }, { type: 'null' }],
    });
    assert.deepEqual(grammarSchema({ enum: ['a', 1] }), { enum: ['a', 1] });
  });

  it('treats a missing schema as any value, not as null', () => {
    assert.deepEqual(grammarSchema({}), any);
    assert.deepEqual(grammarSchema(true), any);
    assert.deepEqual(grammarSchema({ type: 'array', items: {} }), { type: 'array', items: any });
    assert.deepEqual(grammarSchema({ type: 'object' }), { type: 'object', properties: {}, additionalProperties: true });
  });

  it('infers the type', () => {
    assert.deepEqual(grammarSchema({ properties: { a: { const: 1 } } }), {
      type: 'object',
      properties: { a: { const: 1 } },
      additionalProperties: false,
    });
    assert.deepEqual(grammarSchema({ items: { type: 'null' }, maxItems: 2 }), {
      maxItems: 2,
      type: 'array',
      items: { type: 'null' },
    });
  });

  it('follows references within it, under both keywords', () => {
    const node = { type: 'object', properties: { next: { $ref: '#/definitions/node' } } };
    assert.deepEqual(grammarSchema({ $ref: '#/definitions/node', definitions: { node } }), {
      $ref: '#/$defs/node',
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } }, additionalProperties: false } },
    });
  });

  it('rejects what the engine cannot enforce', () => {
    assert.deepEqual(grammarSchema({ allOf: [{ type: 'string' }], description: 'one' }), {
      description: 'one',
      type: 'string',
    });
    for (const schema of [{ not: {} }, { if: {} }, { allOf: [{}, {}] }, { $ref: 'https://elsewhere' }]) {
      assert.throws(() => grammarSchema(schema), /cannot hold a model to .* of a JSON Schema/);
    }
  });
});
