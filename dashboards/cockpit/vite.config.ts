import react from "@vitejs/plugin-react";
import { defaultClientConditions, defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

const gateway = process.env["SLIPSTREAM_URL"] ?? "http://127.0.0.1:4180";

export default defineConfig({
  plugins: [react()],
  // The client package is built for others; here its sources are used.
  resolve: { conditions: ["slipstream-source", ...defaultClientConditions] },
  ssr: { resolve: { conditions: ["slipstream-source", ...defaultServerConditions] } },
  build: {
    // The content security policy allows files of our own origin only, so nothing may be inlined as a data: URL.
    assetsInlineLimit: 0,
    target: "es2022",
  },
  server: { proxy: { "/api": gateway, "/copilot": gateway } },
  test: { include: ["src/**/*.test.{ts,tsx}"], exclude: ["**/node_modules/**"], restoreMocks: true },
});
