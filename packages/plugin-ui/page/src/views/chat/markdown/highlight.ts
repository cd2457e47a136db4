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

/** A part of the tree that highlight.js makes before it makes HTML of it. */
type Node = string | { readonly scope?: string; readonly children: readonly Node[] };

/** The code with an element for each part that has a colour; `undefined` for a language that is not known. */
export function highlight(code: string, language: string): ComponentChildren {
  if (hljs.getLanguage(language) === undefined) return undefined;
  const { _emitter: emitter } = hljs.highlight(code, { language, ignoreIllegals: true });
  return (emitter as unknown as { readonly rootNode: { readonly children: readonly Node[] } }).rootNode.children.map(
    element,
  );
}

function element(node: Node): ComponentChildren {
  if (typeof node === 'string') return node;
  const children = node.children.map(element);
  // `title.function` is coloured like `title`.
  return node.scope === undefined
    ? children
    : createElement('span', { class: `code-${classOf(node.scope)}` }, children);
}

function classOf(scope: string): string {
  return scope.split('.', 1)[0]!.replace(/[^\w-]/g, '');
}
