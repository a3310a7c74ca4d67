import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The sub-paths stand once, in `exports` of package.json. Tests run on the sources of the same sub-paths, without a build.
const manifest = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const doors = Object.entries<{ default?: string }>(manifest.exports).flatMap(([path, { default: built }]) =>
  built === undefined ? [] : [{ name: path.replace(/^\./, "spanbus"), source: sourceOf(built) }],
);

function sourceOf(built: string): string {
  return fileURLToPath(new URL(built.replace("./dist/", "src/").replace(/\.js$/, ".ts"), import.meta.url));
}

export default defineConfig({
  resolve: { alias: doors.map(({ name, source }) => ({ find: new RegExp(`^${name}$`), replacement: source })) },
  test: {
    pool: "forks",
    maxWorkers: 2,
    coverage: {
      include: ["src/**/*.ts"],
      // What a browser runs, and what is made from it. docs/RELIABILITY.md says what covers it.
      exclude: ["src/page/main.ts", "src/page/view/**", "src/http/page-document.ts"],
      reporter: [["text", { skipFull: true }], "json"],
    },
    projects: [
      {
        extends: true,
        test: {
          name: "inside",
          include: ["test/**/*.test.ts"],
          exclude: ["**/node_modules/**", "test/outside/**"],
          // What runs compilers, browsers and servers takes its time on a busy machine.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        // Projects of users, with packages of their own, which take minutes to install.
        test: { name: "outside", include: ["test/outside/*.test.ts"], testTimeout: 300_000, hookTimeout: 900_000 },
      },
    ],
  },
});
