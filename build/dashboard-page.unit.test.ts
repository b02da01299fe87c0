import { expect, it } from "vitest";
import { bundlePage } from "./dashboard-page.ts";

it("the dashboard's page is under 150 kB, and asks for nothing but its own files", async () => {
  const { html, script, style, icon } = await bundlePage();
  const size = [html, script, style, icon].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  expect(size).toBeLessThan(150_000);
  const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
  expect(named.sort()).toEqual(["icon.svg", "page.css", "page.js"]);
  expect(html).not.toMatch(/<style|style=|<script>|\son[a-z]+=/);
  expect(style).not.toMatch(/url\(|@import/);
  // Namespaces of SVG and MathML are names, not addresses that are asked.
  const addresses = [...script.matchAll(/https?:\/\/[^"'`\s]+/g)].map(([address]) => address);
  expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
});
