/** Conditions of requests, and what a route does with those that meet them. JSON-plain. */

export interface NamedMatch {
  name: string;
  type: "Exact" | "RegularExpression";
  value: string;
}

/** Every condition must hold. */
export interface RequestMatch {
  headers?: NamedMatch[];
  queryParams?: NamedMatch[];
}

export interface RouteRules {
  /** Requests that the weights are for; all others are stable's. Missing: the weights are for all. */
  only?: readonly RequestMatch[];
  /** Requests that get the canary whatever the weight. */
  preview?: RequestMatch;
  affinity?: AffinityRules;
}

/** Who was given a track keeps it: each has a cookie. */
export interface AffinityRules {
  canary: Cookie;
  /** Of this weight; those of `earlier` ones are divided anew, so that the canary has its weight of all users. */
  primary: Cookie & { earlier: string };
  /** The weight before this one, under which those cookies were given. */
  earlierWeight: number;
}

export interface Cookie {
  name: string;
  value: string;
  /** What follows the value in Set-Cookie, with its semicolon. */
  attributes: string;
}
