import { operations, otherEvents } from "../bus/catalogue.js";
import type { ClaimedOperation, ConventionField } from "./convention.js";

type Phase = "start" | "end";

/** The fields of the started and of the end event that come from the span itself, by the rows of the catalogue. */
export function eventFields(operation: ClaimedOperation, phase: Phase): readonly ConventionField[] {
  return (phase === "start" ? startFields : endFields)[operation];
}

/** Those of them that both events have. */
export function sharedFields(operation: ClaimedOperation): readonly ConventionField[] {
  return bothFields[operation];
}

const startFields = fieldsOf("start");
const endFields = fieldsOf("end");
const bothFields = fieldsOf();

function fieldsOf(phase?: Phase): Readonly<Record<ClaimedOperation, readonly ConventionField[]>> {
  const rows = Object.entries(operations).map(([operation, row]) => [
    operation,
    [...row.data, ...(phase ? row[phase] : [])].map(plain),
  ]);
  return {
    ...(Object.fromEntries(rows) as Record<keyof typeof operations, readonly ConventionField[]>),
    handoff: phase === "end" ? otherEvents["agent.handoff"].data : [],
    chunk: [],
    ignored: [],
  };
}

/** A field name without the mark of a required one. */
function plain(use: string): ConventionField {
  return use.replace("!", "") as ConventionField;
}
