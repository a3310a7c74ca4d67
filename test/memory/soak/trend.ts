/** How much of its mean a series gains from its first to its last value, by the line that fits it best. */
export function gainOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let covariance = 0;
  let variance = 0;
  for (const [index, value] of values.entries()) {
    covariance += (index - middle) * (value - mean);
    variance += (index - middle) ** 2;
  }
  return ((covariance / variance) * (values.length - 1)) / mean;
}
