/** Version of the instrumentation scope: the package's. */
export const version = "0.1.0";
