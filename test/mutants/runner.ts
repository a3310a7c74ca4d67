import { TestRunner, test } from "vitest";

/** A mutant that keeps a module from loading is noticed: a file of tests that cannot be imported has one that fails. */
export default class ImportsAreTests extends TestRunner {
  override async importFile(path: string, source: Parameters<TestRunner["importFile"]>[1]): Promise<unknown> {
    try {
      return await super.importFile(path, source);
    } catch (error) {
      if (source !== "collect") throw error;
      test("can be imported", () => {
        throw error;
      });
      return undefined;
    }
  }
}
