// Colours of code: what highlight.js finds, as elements. It is loaded with the first code that is complete.
import { createElement, type ComponentChildren } from 'preact';
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import cpp from 'highlight.js/lib/languages/cpp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const languages = { bash, cpp, css, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

/** The tree that highlight.js makes before it makes HTML of it. It can be as deep as the code is long. */
interface Node {
  readonly scope?: string;
  readonly children: readonly (string | Node)[];
}

/** Longer code has no colours. */
const maxLength = 10_000;

/** The time of highlight.js grows with the square of these: a word of 20,000 letters takes it 30 s. */
const tooLong = /\w{100}|\$\$\$|\s{200}|[^\n]{600}/;

/** Milliseconds that code may take, and what is left of those that all code may take beyond that. */
const normalTime = 100;
let remainingTime = 1000;

/**
 * The code with an element for each part that has a colour; `undefined` for a language that is not known, and for code
 * that would take too long.
 */
export function highlight(code: string, language: string): ComponentChildren {
  if (hljs.getLanguage(language) === undefined || code.length > maxLength || tooLong.test(code)) return undefined;
  if (remainingTime <= 0) return undefined;
  const start = performance.now();
  const { _emitter: emitter } = hljs.highlight(code, { language, ignoreIllegals: true });
  remainingTime -= Math.max(0, performance.now() - start - normalTime);
  const parts: ComponentChildren[] = [];
  const rest: (readonly [string | Node, scope: string | undefined])[] = [
    [(emitter as unknown as { readonly rootNode: Node }).rootNode, undefined],
  ];
  while (rest.length > 0) {
    const [node, scope] = rest.pop()!;
    if (typeof node !== 'string')
      for (const child of node.children.toReversed()) rest.push([child, node.scope ?? scope]);
    else if (scope === undefined) parts.push(node);
    else parts.push(createElement('span', { class: `code-${classOf(scope)}` }, node));
  }
  return parts;
}

/** `title.function` is coloured like `title`. */
function classOf(scope: string): string {
  return scope.split('.', 1)[0]!.replace(/[^\w-]/g, '');
}
