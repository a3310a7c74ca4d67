import type { BusEvent } from "spanbus";

export function toolNameOf({ data }: BusEvent): string | undefined {
  return "toolName" in data ? data.toolName : undefined;
}
