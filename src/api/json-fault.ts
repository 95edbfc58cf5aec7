/** One JSON token; every alternative is tried at the place where the last one ended. */
const TOKEN =
  /[ \t\n\r]+|[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** What may come next. */
type Expect = 'value' | 'value-or-end' | 'name' | 'name-or-end' | 'colon' | 'comma-or-end' | 'nothing';

/**
 * Position (UTF-16, from 0) of the first token that a text which is not JSON gets wrong; its length where it
 * stops too soon. The engine's own messages name a position only in some cases.
 */
export function jsonFault(text: string): number {
  const open: string[] = [];
  let expect: Expect = 'value';
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined || token === '') return at;
    if (/^[ \t\n\r]/.test(token)) continue;
    const next = follow(expect, token, open);
    if (next === null) return at;
    expect = next;
  }
  return text.length;
}

function follow(expect: Expect, token: string, open: string[]): Expect | null {
  const isEnd = token === '}' || token === ']';
  if (isEnd) {
    const mayEnd = expect === 'comma-or-end' || expect === (token === '}' ? 'name-or-end' : 'value-or-end');
    if (!mayEnd || open.pop() !== (token === '}' ? '{' : '[')) return null;
    return open.length === 0 ? 'nothing' : 'comma-or-end';
  }
  switch (expect) {
    case 'colon':
      return token === ':' ? 'value' : null;
    case 'comma-or-end':
      if (token !== ',') return null;
      return open.at(-1) === '{' ? 'name' : 'value';
    case 'name':
    case 'name-or-end':
      return token.startsWith('"') ? 'colon' : null;
    case 'nothing':
      return null;
    case 'value':
    case 'value-or-end':
      return followValue(token, open);
  }
}

function followValue(token: string, open: string[]): Expect | null {
  if (token === ':' || token === ',') return null;
  if (token === '{' || token === '[') {
    open.push(token);
    return token === '{' ? 'name-or-end' : 'value-or-end';
  }
  return open.length === 0 ? 'nothing' : 'comma-or-end';
}
