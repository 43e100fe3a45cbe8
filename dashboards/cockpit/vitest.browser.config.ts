import { defineConfig } from "vitest/config";

/** Tests of the built pages in a real Chromium; they need `npm run build` first. */
export default defineConfig({
  test: { include: ["test/browser/**/*.test.ts"], testTimeout: 30_000, hookTimeout: 30_000, fileParallelism: false },
});
