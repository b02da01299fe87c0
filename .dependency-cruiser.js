/**
 * The direction of imports, checked by `make check`: no circle, and within `shared/core`, `webhook` and `plugin` only downwards.
 * Each list names folders from the bottom up; a file imports from its own folder and from those before it.
 */
const floors = {
  "shared/core": [
    "format",
    "selectors",
    "config",
    "objects",
    "routes",
    "queries",
    "analysis",
    "spec",
    "preconditions",
    "migrate",
    "admission",
    "(?:state|observation|action)\\.ts",
    "turn",
    "gates",
    "lifecycle",
    "comparison",
    "hooks",
    "traffic",
    "commands",
    "alerts",
    "actions\\.ts",
    "decide\\.ts",
    "plan",
  ],
  webhook: [
    "runtime",
    "telemetry",
    "certificates",
    "admission",
    "outbound",
    "evidence",
    "hooks",
    "alerts",
    "controller/objects",
    "controller/cache",
    "controller/observe",
    "controller/apply",
    "controller",
    "[a-z-]+\\.ts",
  ],
  plugin: [
    "(?:context|errors|build-info|did-you-mean)\\.ts",
    "cluster",
    "terminal",
    "view",
    "read",
    "render",
    "commands/doctor",
    "commands",
    "dashboard",
    "cli",
    "main\\.ts",
  ],
};
const path = (room, floor) => `^${room}/${floor}${floor.endsWith("\\.ts") ? "$" : "/"}`;

const upward = Object.entries(floors).flatMap(([room, list]) =>
  list.slice(0, -1).map((floor, index) => {
    const own = path(room, floor);
    return {
      name: `${room} only downwards`,
      severity: "error",
      comment: `${room}/${floor} imports from itself and from what is below it: ${list.slice(0, index).join(", ")}`,
      from: { path: own, pathNot: ["\\.test\\.ts$", ...list.slice(0, index).map((lower) => path(room, lower))] },
      to: {
        path: list.slice(index + 1).map((above) => path(room, above)),
        pathNot: [own, ...list.slice(0, index).map((lower) => path(room, lower))],
      },
    };
  }),
);

export default {
  forbidden: [
    { name: "no circle", severity: "error", from: { pathNot: "^test/" }, to: { circular: true } },
    {
      name: "production imports nothing of the tests",
      severity: "error",
      from: { path: "^(shared|webhook|plugin|build)/", pathNot: "\\.test\\.ts$" },
      to: { path: "^test/" },
    },
    ...upward,
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".js"] },
  },
};
