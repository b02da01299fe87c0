// Beside each kind of other webhook, asked before us and after us.
import { describe, it } from "vitest";
import { mutations, type Order } from "../../admission/other-webhook.ts";
import { expectGuaranteesBeside } from "../../admission/others.ts";

const orders: Order[] = ["before ours", "after ours"];

describe.each(orders)("a webhook that is asked %s", (order) => {
  it.each(Object.keys(mutations))("and puts in %s leaves every guarantee as it is", (mutation) =>
    expectGuaranteesBeside(mutation, order),
  );
});
