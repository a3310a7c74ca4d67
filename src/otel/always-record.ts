import type { SamplerLike } from "./signals.js";

const NOT_RECORD = 0;
const RECORD = 1;

/**
 * Makes the bus see every span while exporters still export only the sampled ones: spans that the sampler would drop are
 * recorded, not sampled. Wrap the outermost sampler.
 */
export function alwaysRecord<S extends SamplerLike>(sampler: S): S {
  const recording = {
    shouldSample(...args: never[]): { readonly decision: number } {
      const result = sampler.shouldSample(...args);
      return result.decision === NOT_RECORD ? { ...result, decision: RECORD } : result;
    },
    toString: () => `AlwaysRecord{${sampler.toString()}}`,
  };
  return recording as SamplerLike as S;
}
