/**
 * What the controller knows is in the status as a code beside its sentence: no program of ours reads a sentence to find out what is the
 * case. What looks into one all the same is listed here, each with its reason.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
/** Fields and variables that hold what people read. */
const sentences = /^(reason|message|why|words|sentence|said|what|next|does)$/;
/** Of a Map or a Set: who looks something up by a sentence reads it. */
const lookups = /^(get|set|has|add|delete)$/;
const searches = /^(includes|startsWith|endsWith|match|matchAll|search|indexOf|split)$/;

const shownIfAny = "a line of text is left out where there is none, and nothing else hangs on it";
const kubernetesOwn = "Kubernetes has no code for it";

const allowed: Record<string, string> = {
  'plugin/commands/doctor/probes/pods.ts: (status.state?.waiting?.reason ?? "").match(/^(ErrImage|ImagePull|InvalidImage)/)':
    "a code of Kubernetes, which it calls a reason",
  'plugin/commands/doctor/probes/pods.ts: /exceeded quota/.test(failure.message ?? "")': `${kubernetesOwn}: of every refused pod it is FailedCreate`,
  "plugin/commands/wait/wait.ts: reason !== said": "not printed twice",
  'plugin/dashboard/actions.ts: reason === ""': "what a person types in, who may leave it empty",
  "plugin/dashboard/feed.ts: failure.message === this.away?.words": "not sent twice",
  'plugin/render/facts.ts: view.next === ""': shownIfAny,
  'plugin/render/sections.ts: message !== ""': shownIfAny,
  "shared/canary-status.ts: before.message === said.message":
    "the time of a condition is that of its last change, its text included",
  "shared/canary-status.ts: before.reason === said.reason": "the same; and this is a code",
  "shared/core/admission/rejection.ts: / \\(template (\\S+)\\)$/.exec(message)":
    "the condition's reason must be Kubernetes' own for kubectl, Flux and Argo CD, so its message alone can carry our mark and the hash",
  "shared/core/admission/refusal.ts: what.includes(field)": "a field that the sentence names is not said twice",
  "shared/core/admission/rejection.ts: message.startsWith(prefix)": "the same",
  'shared/core/alerts/pending.ts: next === ""': shownIfAny,
  "shared/kube/errors.ts: / cannot \\S+ (resource|path) /.test(said)": `${kubernetesOwn}: RBAC and admission plugins refuse alike`,
  'shared/kube/errors.ts: reason !== ""': "a code of Kubernetes, which it calls a reason",
  'shared/kube/errors.ts: status.message !== ""': "another sentence takes the place of an empty one",
};

/** The expressions of a file that compare a sentence, or look into it. */
function readings(file: string, code: string): string[] {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (readsSentence(node)) found.push(`${file}: ${node.getText().replace(/\s+/g, " ")}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function readsSentence(node: ts.Node): boolean {
  if (ts.isBinaryExpression(node)) return compares(node);
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  const { expression: of, name } = node.expression;
  if (searches.test(name.text)) return isSentence(of);
  if (lookups.test(name.text)) return node.arguments.slice(0, 1).some(isSentence);
  return ["test", "exec"].includes(name.text) && node.arguments.some(isSentence);
}

const equalities = [ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken];

function compares({ left, right, operatorToken }: ts.BinaryExpression): boolean {
  if (!equalities.includes(operatorToken.kind)) return false;
  if (isStatusWords(left) || isStatusWords(right)) return true;
  return (isSentence(left) && !isFact(right)) || (isSentence(right) && !isFact(left));
}

/** Of our own status even the absence of a sentence is none of a program's business. */
const isStatusWords = (node: ts.Expression): boolean =>
  ts.isPropertyAccessExpression(node) && isSentence(node) && /\bstatus\)?\??$/.test(node.expression.getText());

/** Nothing at all, or one of Kubernetes' own codes, which it calls a reason. */
const isFact = (node: ts.Expression): boolean =>
  ["undefined", "null"].includes(node.getText()) ||
  (ts.isStringLiteral(node) && /^[A-Z][A-Za-z]+$/.test(node.text)) ||
  ts.isNumericLiteral(node);

function isSentence(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return isSentence(node.expression);
  if (ts.isBinaryExpression(node))
    return node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken && isSentence(node.left);
  if (ts.isPropertyAccessExpression(node)) return sentences.test(node.name.text);
  return ts.isIdentifier(node) && sentences.test(node.text);
}

const productive = ["shared", "webhook", "plugin"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".test.ts"))
    .map((path) => join(folder, path)),
);

/** Before the tests, whose time is limited. */
const found = productive.flatMap((file) => readings(file, readFileSync(join(root, file), "utf8")));

describe("a sentence for people", () => {
  it("is read by no program, but where a reason is given", () => {
    expect([...new Set(found)].sort().join("\n")).toEqual(Object.keys(allowed).sort().join("\n"));
  });

  it.each([
    'if (status.reason === "Paused.") go();',
    "if (canary.status?.reason === undefined) go();",
    'const is = view.next === "";',
    "const isNew = before.message !== message;",
    'const is = (failure.message ?? "").includes("quota");',
    "const is = /paused/.test(reason);",
    "const times = seen.get(write.does) ?? 0;",
    "seen.add(why);",
  ])("is known as read in %s", (code) => expect(readings("a.ts", code)).toHaveLength(1));

  it.each([
    'const is = body.reason === "AlreadyExists";',
    "if (why === undefined) go();",
    "said.set(code, why);",
    'const is = status.reasonCode === "pods-failing";',
  ])("is not what is read in %s", (code) => expect(readings("a.ts", code)).toEqual([]));
});
