import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y-x";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "src/client/dist", "eslint.config.js", "**/*.mjs"] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    languageOptions: { globals: globals.browser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "max-lines-per-function": ["error", { max: 90, skipBlankLines: true, skipComments: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  { files: ["src/**/*.tsx"], ...a11y.configs.strict },
  { files: ["src/**/*.{ts,tsx}"], ...hooks.configs.flat.recommended },
  {
    files: ["src/client/test/**", "**/*.test.{ts,tsx}", "test/**"],
    languageOptions: { globals: globals.node },
    rules: { "max-lines-per-function": "off", "@typescript-eslint/require-await": "off" },
  },
  { files: ["public/*.js"], extends: [ts.configs.disableTypeChecked], languageOptions: { sourceType: "script" } },
  { files: ["*.config.{js,ts}"], languageOptions: { globals: globals.node } },
);
