/** Names of what the executable carries, and the form in which V8 gets the plugin's source: its code is valid for that alone. */
export const assets = { source: "kubectl-canary.cjs", code: "kubectl-canary.code" } as const;

export const wrapped = (source: string): string => `(function (require) {${source}\n})`;
