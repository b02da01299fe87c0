import vitest from "@vitest/eslint-plugin";
import regexp from "eslint-plugin-regexp";
import tseslint from "typescript-eslint";

const clocksAndIo = [
  ...["Date", "process", "console", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"],
  ...["performance", "crypto", "globalThis", "global"],
];

const handedClock = "A clock and timers are handed in, as `Clock` or `Timers` of shared/kube/clock.ts.";

/** Time that a file reaches for by itself. `systemClock` is made of it, and handed on by the two `main.ts`. */
const hiddenClocks = [
  {
    selector:
      "CallExpression[callee.object.name='Date'][callee.property.name='now'], NewExpression[callee.name='Date'][arguments.length=0], CallExpression[callee.name='Date']",
    message: handedClock,
  },
  {
    selector: "MemberExpression[object.name=/^(performance|AbortSignal)$/][property.name=/^(now|timeout)$/]",
    message: handedClock,
  },
  { selector: "MemberExpression[object.name='process'][property.name=/^(hrtime|uptime)$/]", message: handedClock },
  { selector: "CallExpression[callee.name=/^set(Timeout|Interval|Immediate)$/]", message: handedClock },
  { selector: "ImportDeclaration[source.value=/^(node:)?timers/]", message: handedClock },
  { selector: "ImportSpecifier[imported.name='systemClock']", message: handedClock },
];

const fixedSleeps = [
  {
    selector:
      "AwaitExpression > CallExpression[callee.name=/^(delay|sleep|pause|setTimeout)$/][arguments.0.type='Literal'], NewExpression[callee.name='Promise'] CallExpression[callee.name='setTimeout'][arguments.1.type='Literal']",
    message: "Wait for an event or a condition. A duration that is itself what is tested or measured has a name.",
  },
];

const assertions = [
  ...["expect", "expect*", "waitFor", "becomes", "soak", "doubled", "named", "sameCause", "derive", "then", "without"],
  "watching.shows",
];

const sizeLimits = {
  "max-lines": ["error", { max: 300, skipBlankLines: false, skipComments: false }],
  "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
  "max-params": ["error", 4],
  "max-depth": ["error", 3],
  complexity: ["error", 10],
};

const everywhere = [
  {
    selector: "MemberExpression[object.name='vi'][property.name='mock']",
    message: "Pass what a test replaces as an argument instead.",
  },
  {
    selector:
      "CallExpression[callee.property.name=/^(skip|skipIf|todo|only)$/][callee.object.name=/^(it|test|describe)$/]",
    message: "A test runs or does not exist.",
  },
];

/** `outside` is how a file of these names what lies beyond the core. */
const coreImports = (files, outside) => ({
  files: [files],
  ignores: ["**/*.test.ts"],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          { group: [outside], message: "shared/core imports nothing but itself." },
          { group: ["node:*"], message: "shared/core does no I/O." },
          { regex: "^[a-z@](?!.*kubernetes/client-node)", message: "shared/core has no dependencies." },
          {
            group: ["@kubernetes/client-node"],
            allowTypeImports: true,
            message: "Types only: shared/core does no I/O.",
          },
        ],
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "coverage/**"] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ["tsconfig.json", "plugin/dashboard/page/tsconfig.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      ...sizeLimits,
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx"] }],
      "no-empty": ["error", { allowEmptyCatch: false }],
      "no-restricted-syntax": ["error", ...everywhere],
    },
  },
  {
    // What a tenant writes must cost no more than its length, in whatever process reads it.
    files: ["shared/**/*.ts", "webhook/**/*.ts"],
    ignores: ["**/*.test.ts"],
    plugins: { regexp },
    rules: {
      "regexp/no-super-linear-backtracking": ["error", { report: "potential" }],
      "regexp/no-super-linear-move": ["error", { report: "potential" }],
    },
  },
  coreImports("shared/core/*.ts", "../*"),
  coreImports("shared/core/*/*.ts", "../../*"),
  {
    files: ["shared/core/**/*.ts"],
    ignores: ["**/*.test.ts"],
    rules: {
      "no-restricted-globals": ["error", ...clocksAndIo],
      "no-restricted-properties": ["error", { object: "Math", property: "random" }],
      "no-restricted-syntax": [
        "error",
        ...everywhere,
        { selector: ":function[async=true]", message: "The core is arithmetic: no async." },
        { selector: "NewExpression[callee.name='Date']", message: "Time is an input of the core." },
        { selector: "ImportExpression", message: "shared/core imports nothing but itself, and at its start." },
      ],
    },
  },
  {
    files: ["shared/**/*.ts"],
    ignores: ["shared/core/**", "**/*.test.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["**/webhook/**", "**/plugin/**", "**/test/**"], message: "plugin -> shared <- webhook." },
          ],
        },
      ],
    },
  },
  {
    files: ["webhook/**/*.ts"],
    ignores: ["**/*.test.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["**/plugin/**", "**/test/**"], message: "webhook imports shared only." }] },
      ],
      "no-restricted-syntax": [
        "error",
        ...everywhere,
        ...hiddenClocks,
        {
          selector: "BinaryExpression[operator=/^[!=]==?$/][left.property.name='phase']",
          message: "Only shared/core/decide branches on the phase.",
        },
        {
          selector: "SwitchStatement[discriminant.property.name='phase'], SwitchStatement[discriminant.name='phase']",
          message: "Only shared/core/decide branches on the phase.",
        },
      ],
    },
  },
  {
    files: ["plugin/**/*.{ts,tsx}"],
    ignores: ["**/*.test.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["**/webhook/**", "**/test/**"], message: "plugin imports shared only." }] },
      ],
    },
  },
  {
    files: ["test/{kube,metrics,plugin,safety}/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["**/cluster/client.ts", "**/cluster/get.ts", "**/app/install.ts", "**/e2e/**"],
              message: "These tests run while others take the cluster away: they have an API server of their own.",
            },
          ],
        },
      ],
    },
  },
  { files: ["webhook/main.ts"], rules: { "no-restricted-syntax": ["error", ...everywhere] } },
  {
    files: ["plugin/**/*.{ts,tsx}", "shared/**/*.ts"],
    ignores: [
      ...["shared/core/**", "plugin/main.ts", "plugin/dashboard/page/main.tsx", "shared/kube/clock.ts"],
      "**/*.test.ts",
    ],
    rules: { "no-restricted-syntax": ["error", ...everywhere, ...hiddenClocks] },
  },
  {
    files: ["plugin/**/*.{ts,tsx}", "webhook/**/*.ts", "shared/**/*.ts"],
    ignores: ["plugin/main.ts", "webhook/main.ts", "**/*.test.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "process", property: "exit", message: "Only the two main.ts exit." },
        { object: "Math", property: "random" },
      ],
    },
  },
  {
    files: ["test/**/*.ts", "**/*.test.ts"],
    rules: { "no-restricted-syntax": ["error", ...everywhere, ...fixedSleeps] },
  },
  {
    files: ["**/*.test.ts"],
    plugins: { vitest },
    rules: {
      // Beside `expect`: helpers of ours that throw, with what they saw, where a condition is not met.
      "vitest/expect-expect": ["error", { assertFunctionNames: assertions }],
      "max-lines": ["error", { max: 400 }],
      "max-lines-per-function": "off",
      // An optional chain into a Kubernetes object counts as a branch at every "?".
      complexity: "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  { files: ["eslint.config.js", ".dependency-cruiser.js"], extends: [tseslint.configs.disableTypeChecked] },
);
