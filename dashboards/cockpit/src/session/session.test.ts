import { describe, expect, it } from "vitest";
import { tokenOf } from "../client/test/fixture/token.ts";
import { accountOf } from "./claims.ts";
import { tokenInAddress } from "./token.ts";

const now = Date.now();

describe("an account", () => {
  it("is read from our own claims", () => {
    const token = tokenOf({ tenant: "ec2", sub: "u1", name: "Zoë Müller", roles: ["admin"], exp: 4_000_000_000 });
    const expected = { token, tenant: "ec2", user: "u1", name: "Zoë Müller", roles: ["admin"], expiresAt: 4_000_000_000_000 };
    expect(accountOf(token, now)).toEqual(expected);
  });

  it.each([
    [{ tenant_id: "a" }, "a"],
    [{ amo_id: "b" }, "b"],
    [{ account_id: "c" }, "c"],
    [{ amo_id: null, account_id: "d" }, "d"],
  ])("takes the tenant from %j", (claims, tenant) => {
    const token = tokenOf({ tenant: "", sub: "u1", ...claims });
    expect(accountOf(token, now)).toMatchObject({ tenant });
  });

  it("has no end when the token has none, and the user id stands in for a name", () => {
    const token = tokenOf({ tenant: "a", sub: "u1", role: "AUDITOR", exp: null });
    expect(accountOf(token, now)).toMatchObject({ expiresAt: undefined, name: "u1", roles: ["AUDITOR"] });
  });

  it("is refused for what is no token, and for one that is over", () => {
    expect(accountOf("", now)).toBe("malformed");
    expect(accountOf("a.b.c", now)).toBe("malformed");
    expect(accountOf(`x.${btoa("[1]")}.y`, now)).toBe("malformed");
    expect(accountOf(tokenOf({ tenant: "a", sub: "u", exp: 1 }), now)).toBe("expired");
  });
});

describe("a token in the address", () => {
  it.each([
    ["https://h/#token=abc", "/"],
    ["https://h/#/token=abc", "/"],
    ["https://h/live?q=x#token=abc", "/live?q=x"],
    ["https://h/history?token=abc&q=x", "/history?q=x"],
    ["https://h/?token=abc#part=2", "/#part=2"],
  ])("%s is taken and %s stays", (address, cleaned) => {
    expect(tokenInAddress(address)).toEqual({ token: "abc", cleaned });
  });

  it("is absent from an ordinary address", () => {
    expect(tokenInAddress("https://h/live?q=token#main")).toBeUndefined();
    expect(tokenInAddress("https://h/#token=")).toBeUndefined();
  });
});
