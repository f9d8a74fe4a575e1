import { describe, expect, it } from "vitest";
import { aligned } from "../../src/text/table.js";
import { inLine, message, visible } from "../../src/text/visible.js";

describe("other people's text", () => {
  const hostile = "a\u001b]0;T\u0007\u001b[2J\r\u009b31m\u202egnp.\u200b\ud800z";

  it("is shown with its control characters as JSON writes them", () => {
    expect(visible(hostile)).toBe("a\\u001b]0;T\\u0007\\u001b[2J\\u000d\\u009b31m\\u202egnp.\\u200b\\ud800z");
    expect(JSON.parse(visible(JSON.stringify({ [hostile]: [hostile] }, undefined, 2)))).toEqual({
      [hostile]: [hostile],
    });
    expect(visible("größe ×2 – 写真 🎞\n\tnext")).toBe("größe ×2 – 写真 🎞\n\tnext");
  });

  it("stays in its line and is cut", () => {
    expect(inLine("x\nslimsr: fake")).toBe("x\\u000aslimsr: fake");
    expect(inLine("x".repeat(1e7))).toMatch(/^x+…x+$/);
    expect(inLine("x".repeat(1e7)).length).toBe(300);
    expect(aligned([["name"], ["\u001b[2J\n".repeat(1e6)]], () => false).join("\n").length).toBeLessThan(3000);
    expect(aligned([["name"], ["\u001b[2J\n"]], () => false)).toEqual(["name", "\\u001b[2J\\u000a"]);
  });

  it("begins no line of a message", () => {
    expect(message("x\nslimsr: fake: \u001b[2J is damaged:\n  why")).toBe(
      "x\n  slimsr: fake: \\u001b[2J is damaged:\n  why",
    );
    const long = message(`${"x".repeat(1e7)} is damaged; mend it`);
    expect(long).toMatch(/^x+…x+ is damaged; mend it$|^x+…x* is damaged; mend it$/);
    expect(long.length).toBeLessThan(400);
    expect(message("x ".repeat(1e6)).length).toBeLessThan(9000);
  });
});
