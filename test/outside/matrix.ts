import { readFileSync } from "node:fs";

export type ModuleKind = "import" | "require";

type Versions = Readonly<Record<string, string>>;

/** A generation of the SDK, in a project of its own: one tree of packages cannot hold two. */
export interface Sdk {
  readonly name: string;
  /** Folder of the project. */
  readonly project: string;
  readonly versions: Versions;
  /** What runs in an application that loads its packages so: package, version, and how its code is loaded. */
  readonly loads: Readonly<Record<ModuleKind, readonly string[]>>;
  /** The oldest Node that OpenTelemetry supports. */
  readonly oldestNode: string;
}

/** SDK 2 is CommonJS: whatever loads it, it is there once. */
function sdk2(name: string, project: string): Sdk {
  const versions = dependencies(project);
  const loads = loaded(versions, "require");
  return { name, project, versions, loads: { import: loads, require: loads }, oldestNode: "18.19" };
}

/** SDK 3 and its API are there as ESM and as CommonJS: of the API, an application that uses `require()` has one, the bus the other. */
function sdk3(name: string, project: string): Sdk {
  const versions = dependencies(project);
  const ofTheBus = loaded(versions, "import").filter((each) => each.startsWith("@opentelemetry/api@"));
  const loads = { import: loaded(versions, "import"), require: [...ofTheBus, ...loaded(versions, "require")] };
  return { name, project, versions, loads, oldestNode: "22.15" };
}

export const sdks: readonly Sdk[] = [
  sdk2("2.x, the oldest that works", "otel-2-oldest"),
  sdk2("2.x, the newest", "otel-2-newest"),
  sdk3("3.x, the newest", "otel-3"),
];

/** Versions of Node and TypeScript, each installed in a folder of its own. */
export const nodes = versionsOf("node");
export const typescripts = versionsOf("typescript");

/** How an application loads its packages, and where its program is compiled to that. */
export const moduleKinds = [
  { kind: "import", folder: "imported", type: "module" },
  { kind: "require", folder: "required", type: "commonjs" },
] as const;

function loaded(versions: Versions, kind: ModuleKind): string[] {
  return Object.entries(versions).map(([name, version]) => `${name}@${version} ${kind}`);
}

function versionsOf(tool: string): readonly { readonly folder: string; readonly version: string }[] {
  return Object.entries(dependencies("toolchain")).flatMap(([folder, specifier]) => {
    const [, version] = new RegExp(`^npm:${tool}@(.*)$`).exec(specifier) ?? [];
    return version === undefined ? [] : [{ folder, version }];
  });
}

function dependencies(project: string): Versions {
  return JSON.parse(readFileSync(new URL(`${project}/package.json`, import.meta.url), "utf8")).dependencies;
}
