import { readFileSync } from "node:fs";

export type ModuleKind = "import" | "require";

/** A generation of the SDK, in a project of its own: one tree of packages cannot hold two. */
export interface Sdk {
  /** Folder of the project. */
  readonly project: string;
  readonly says: string;
  /** Package that has the tracer provider, and its version. */
  readonly traces: string;
  readonly version: string;
  readonly versions: Readonly<Record<string, string>>;
  /** What runs in an application that loads its packages so: package, version, and how its code is loaded. */
  readonly loads: Readonly<Record<ModuleKind, readonly string[]>>;
  /** The oldest Node that OpenTelemetry supports. */
  readonly node: string;
}

const dependencies = (project: string): Record<string, string> =>
  JSON.parse(readFileSync(new URL(`${project}/package.json`, import.meta.url), "utf8")).dependencies;

/** SDK 2 is CommonJS: whatever loads it, it is there once. */
function sdk2(project: string, says: string): Sdk {
  const versions = dependencies(project);
  const traces = "@opentelemetry/sdk-trace-base";
  const loads = loaded(versions, "require");
  return {
    project,
    says,
    traces,
    version: versions[traces] ?? "",
    versions,
    loads: { import: loads, require: loads },
    node: "18.19",
  };
}

/** SDK 3 and its API are there twice, as ESM and as CommonJS: an application that uses `require()` has one, the bus the other. */
function sdk3(project: string, says: string): Sdk {
  const versions = dependencies(project);
  const traces = "@opentelemetry/sdk-trace";
  const ofTheBus = loaded({ "@opentelemetry/api": versions["@opentelemetry/api"] ?? "" }, "import");
  const loads = { import: loaded(versions, "import"), require: [...ofTheBus, ...loaded(versions, "require")] };
  return { project, says, traces, version: versions[traces] ?? "", versions, loads, node: "22.15" };
}

const loaded = (versions: Readonly<Record<string, string>>, kind: ModuleKind) =>
  Object.entries(versions).map(([name, version]) => `${name}@${version} ${kind}`);

export const sdks: readonly Sdk[] = [
  sdk2("otel-2-oldest", "the oldest that works"),
  sdk2("otel-2-newest", "the newest of 2.x"),
  sdk3("otel-3", "the newest"),
];

const tools = Object.entries(dependencies("toolchain"));

/** Versions of a tool, each in a folder of its own. */
const versionsOf = (tool: string) =>
  tools.flatMap(([folder, specifier]) => {
    const [, version] = new RegExp(`^npm:${tool}@(.*)$`).exec(specifier) ?? [];
    return version === undefined ? [] : [{ folder, version }];
  });

export const nodes = versionsOf("node");
export const typescripts = versionsOf("typescript");

/** How an application loads its packages, and where its program is compiled to that. */
export const moduleKinds = [
  { kind: "import", folder: "imported", type: "module" },
  { kind: "require", folder: "required", type: "commonjs" },
] as const;
