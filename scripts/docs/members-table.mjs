// Generates a table of the members of an interface, between <!-- members of NAME in PATH --> and <!-- members:end -->.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { table } from './markdown.mjs';

export function withMembersTables(text) {
  return text.replace(
    /(<!-- members of (\w+) in (\S+) -->\n)[^]*?(<!-- members:end -->)/g,
    (_, open, name, path, close) => `${open}${membersTable(name, path)}\n${close}`,
  );
}

function membersTable(name, path) {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = source.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  if (found === undefined) throw new Error(`${path} declares no interface ${name}.`);
  return table(['option', 'type', 'what it does'], found.members.map(rowOf));
}

function rowOf(member) {
  const text = ts.getJSDocCommentsAndTags(member).map((comment) => ts.getTextOfJSDocComment(comment.comment));
  return [
    `\`${member.name.text}\``,
    `\`${member.type.getText().replaceAll('readonly ', '')}\``,
    text.join(' ').replace(/\s+/g, ' '),
  ];
}
