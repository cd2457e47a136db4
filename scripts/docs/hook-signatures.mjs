// Reads the signatures, docstrings and examples of the hooks from the source of the contract.
import { readFileSync } from 'node:fs';
import ts from 'typescript';

const path = 'packages/core/src/contract/hooks.ts';

/** Name of hook → `{ signature, text, example }`, in the order of the source. */
export function hookSignatures() {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const contract = source.statements.find(
    (node) => ts.isInterfaceDeclaration(node) && node.name.text === 'HookSignatures',
  );
  return new Map(
    contract.members.map((member) => [
      member.name.text,
      {
        signature: member.getText().replaceAll('\n  ', '\n'),
        text: describe(member),
        example: ts.getTextOfJSDocComment(
          ts.getJSDocTags(member).find((tag) => tag.tagName.text === 'example').comment,
        ),
      },
    ]),
  );
}

function describe(member) {
  return ts
    .getJSDocCommentsAndTags(member)
    .map((comment) => ts.getTextOfJSDocComment(comment.comment))
    .join(' ')
    .replace(/\s+/g, ' ');
}
