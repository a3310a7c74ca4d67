import { operations } from "../bus/catalogue.js";
import type { BusEvent, ErrorData, Operation, SubscriptionEnd } from "../bus/event.js";
import type { AgUiDraft, AgUiEvent } from "./ag-ui-event.js";
import { answerText } from "./answer-text.js";
import { RecentIds } from "./recent-ids.js";
import { runEnd } from "./run-end.js";
import { Usage } from "./usage.js";
import { type Agent, agentInside, type Face, newAgent, outwards, type Reply, type Work } from "./work.js";
import { Works } from "./works.js";

const PROTOCOL_VERSION = "1.0";
/** As long as a string of an event can be. */
const MAX_REPEATED = 8192;

export interface TranslationOptions {
  readonly threadId: string | undefined;
  readonly runId: string | undefined;
  readonly subagents: boolean;
}

type Data = Readonly<Record<string, unknown>>;
type Failure = { readonly message: string; readonly code: string };

/**
 * Turns the events of one run into those of AG-UI, one by one. Whatever comes in, what goes out is one valid run: started
 * first, everything that was opened closed, and finished or failed last.
 */
export class Translation {
  readonly #options: TranslationOptions;
  readonly #works = new Works();
  readonly #agent = newAgent();
  readonly #usage = new Usage();
  readonly #toolCallIds = new RecentIds();
  #run: { readonly threadId: string; readonly runId: string } | undefined;
  #source: string | undefined;
  #error: ErrorData | undefined;
  #out: AgUiEvent[] = [];
  #time: number | undefined;

  constructor(options: TranslationOptions) {
    this.#options = options;
  }

  /** Begins before the first event, where the id of the run is known. */
  start(): AgUiEvent[] {
    this.#begin(undefined);
    return this.#taken();
  }

  take(event: BusEvent): AgUiEvent[] {
    this.#source ??= event.runId;
    if (event.runId !== this.#source) return [];
    const millis = Math.round(event.time);
    this.#time = Number.isSafeInteger(millis) ? millis : undefined;
    this.#begin(event);
    this.#translate(event);
    return this.#taken();
  }

  /** The rest: what is open is closed, and the run is over. */
  finish(end: SubscriptionEnd): AgUiEvent[] {
    const { outcome, failure } = runEnd(end, this.#error);
    const run = this.#begin(undefined);
    const cancelled =
      outcome?.type === "cancelled" ? { message: "The run was cancelled.", code: "cancelled" } : undefined;
    for (const work of this.#works.open()) this.#close(work, failure ?? cancelled);
    if (failure) this.#tell({ type: "RUN_ERROR", ...failure });
    else this.#tell({ type: "RUN_FINISHED", ...run, ...(outcome && { outcome }), ...this.#usage.told });
    return this.#taken();
  }

  #begin(event: BusEvent | undefined): { readonly threadId: string; readonly runId: string } {
    if (this.#run) return this.#run;
    const runId = this.#options.runId ?? event?.runId ?? crypto.randomUUID();
    const threadId = this.#options.threadId ?? (text(event?.data as Data, "conversationId") || runId);
    this.#run = { threadId, runId };
    this.#tell({ type: "RUN_STARTED", ...this.#run, protocolVersion: PROTOCOL_VERSION });
    return this.#run;
  }

  #translate(event: BusEvent): void {
    const { type } = event;
    const data = event.data as Data;
    const [, operation = "", phase] = /^agent\.(\w+)\.(started|completed|failed)$/.exec(type) ?? [];
    if (isOperation(operation)) {
      if (phase === "started") this.#started(operation, event, data);
      else this.#ended(operation, event, data, phase === "failed" ? errorOf(data) : undefined);
    } else if (type === "agent.model.chunk") {
      const chunk = text(data, "text");
      if (chunk) this.#say(this.#find("model", event, data) ?? this.#started("model", event, data), chunk);
    } else if (type === "agent.terminate") {
      if (data["error"] !== undefined) this.#error = errorOf(data);
    } else if (type !== "agent.model.first_chunk" && !type.startsWith("bus.run.")) {
      if (type === "agent.tokens.used") this.#usage.add(event);
      if (type === "bus.gap") this.#usage.miss();
      this.#tell({ type: "CUSTOM", name: type, value: data, ...by(this.#agentAround(event)) });
    }
  }

  #started(operation: Operation, event: BusEvent, data: Data): Work {
    const parent = this.#works.around(event.spanId, event.parentSpanId, operation);
    const agent = parent ? agentInside(parent) : this.#agent;
    const name = nameOf(operation, data);
    const work = {
      operation,
      spanId: event.spanId,
      name,
      toolCallId: text(data, "toolCallId"),
      parent,
      agent,
      face: this.#face(operation, event, data, { parent, agent, name }),
      hasSpoken: false,
      hasEnded: false,
    };
    const lost = this.#works.add(work);
    if (lost) this.#close(lost, undefined);
    return work;
  }

  #face(
    operation: Operation,
    event: BusEvent,
    data: Data,
    at: { readonly parent: Work | undefined; readonly agent: Agent; readonly name: string | undefined },
  ): Face {
    const { parent, agent, name } = at;
    const isSame = parent?.operation === operation && parent.name === name;
    switch (operation) {
      case "model":
        return parent?.face.kind === "reply" ? parent.face : this.#reply(event, agent);
      case "tool":
        return isSame ? { kind: "hidden" } : this.#toolCall(event, data, at);
      case "invocation":
        // The outermost agent is the agent of the run; one right inside another of its name is the same, told twice.
        if (isSame || ![...outwards(parent)].some((each) => each.operation === "invocation")) return { kind: "hidden" };
        return this.#options.subagents ? this.#subagent(event, at) : this.#step(agent, name ?? "agent");
      case "workflow":
        return parent ? this.#step(agent, name ?? operation) : { kind: "hidden" };
      default:
        return this.#step(agent, name ?? operation);
    }
  }

  #subagent(
    event: BusEvent,
    { parent, agent, name = "agent" }: { parent: Work | undefined; agent: Agent; name: string | undefined },
  ): Face {
    const id = event.id;
    const caller = [...outwards(parent)].find((each) => each.operation === "invocation" || each.face.kind === "tool");
    this.#tell({
      type: "SUBAGENT_STARTED",
      subagentRunId: id,
      name,
      ...(agent.id !== undefined && { parentSubagentRunId: agent.id }),
      ...(caller?.face.kind === "tool" && { parentToolCallId: caller.face.toolCallId }),
    });
    return { kind: "agent", agent: newAgent(id) };
  }

  #step(agent: Agent, name: string): Face {
    let stepName = name;
    for (let n = 2; agent.steps.has(stepName); n += 1) stepName = `${name} (${n})`;
    agent.steps.add(stepName);
    this.#tell({ type: "STEP_STARTED", stepName, ...by(agent) });
    return { kind: "step", stepName };
  }

  #reply({ id }: BusEvent, agent: Agent): Face {
    const reply: Reply = { messageId: id, agent, state: "silent", said: "" };
    agent.reply = agent.writing.size > 0 ? undefined : reply;
    agent.writing.add(reply);
    return { kind: "reply", reply };
  }

  #toolCall(
    event: BusEvent,
    data: Data,
    { parent, agent, name }: { parent: Work | undefined; agent: Agent; name: string | undefined },
  ): Face {
    const toolCallId = this.#toolCallIds.distinct(text(data, "toolCallId") ?? `call-${event.id}`);
    const asking = parent?.face.kind === "reply" ? parent.face.reply : agent.reply;
    this.#tell({
      type: "TOOL_CALL_START",
      toolCallId,
      toolCallName: name ?? "tool",
      ...(asking && { parentMessageId: asking.messageId }),
      ...by(agent),
    });
    const face: Face = { kind: "tool", toolCallId, state: "started" };
    const known = text(data, "arguments");
    if (known !== undefined) this.#call(face, agent, known);
    return face;
  }

  /** The arguments are complete. */
  #call(face: Face & { kind: "tool" }, agent: Agent, args: string | undefined): void {
    if (face.state === "called") return;
    face.state = "called";
    const { toolCallId } = face;
    if (args) this.#tell({ type: "TOOL_CALL_ARGS", toolCallId, delta: args, ...by(agent) });
    this.#tell({ type: "TOOL_CALL_END", toolCallId, ...by(agent) });
  }

  #ended(operation: Operation, event: BusEvent, data: Data, error: ErrorData | undefined): void {
    // A call whose start was missed is worth telling as a whole; a step that is over is not.
    const isCall = operation === "tool" || operation === "model";
    const work = this.#find(operation, event, data) ?? (isCall ? this.#started(operation, event, data) : undefined);
    if (!work) return;
    work.hasEnded = true;
    const { face, agent } = work;
    const output = text(data, "output");
    if (face.kind === "tool") {
      this.#call(face, agent, text(data, "arguments"));
      this.#tell({
        type: "TOOL_CALL_RESULT",
        toolCallId: face.toolCallId,
        messageId: event.id,
        content: error?.message ?? text(data, "result") ?? "",
        ...(error && { metadata: { error } }),
        ...by(agent),
      });
    } else if (face.kind === "reply" && output !== undefined) {
      this.#complete(work, face.reply, answerText(output, text(data, "finishReason")));
    } else if (operation === "invocation" && !work.hasSpoken && output !== undefined && this.#works.isOpen(work)) {
      this.#sayAlone(event, work, answerText(output, undefined));
    }
    if (operation === "invocation" && agentInside(work) === this.#agent) this.#error = error;
    this.#close(work, error && { message: error.message, code: error.type });
  }

  /** Tells what was not streamed of a reply. If the middle is missing, it stays missing. */
  #complete(work: Work, reply: Reply, whole: string): void {
    if (whole.startsWith(reply.said)) this.#say(work, whole.slice(reply.said.length));
  }

  /** The answer of an agent whose model calls told none. */
  #sayAlone(event: BusEvent, work: Work, answer: string): void {
    const agent = agentInside(work);
    const reply: Reply = { messageId: event.id, agent, state: "silent", said: "" };
    this.#speak(reply, answer);
    this.#hush(reply);
    this.#markSpoken(work);
  }

  #say(work: Work, delta: string): void {
    if (work.face.kind !== "reply") return;
    const { reply } = work.face;
    reply.speaker ??= work;
    if (reply.speaker !== work) return;
    this.#speak(reply, delta);
    this.#markSpoken(work);
  }

  #speak(reply: Reply, delta: string): void {
    if (!delta || reply.state === "over") return;
    const message = { messageId: reply.messageId, ...by(reply.agent) };
    if (reply.state === "silent") this.#tell({ type: "TEXT_MESSAGE_START", ...message, role: "assistant" });
    reply.state = "open";
    if (reply.said.length <= MAX_REPEATED) reply.said += delta;
    this.#tell({ type: "TEXT_MESSAGE_CONTENT", ...message, delta });
  }

  #hush(reply: Reply): void {
    if (reply.state === "open")
      this.#tell({ type: "TEXT_MESSAGE_END", messageId: reply.messageId, ...by(reply.agent) });
    reply.state = "over";
    reply.agent.writing.delete(reply);
  }

  /** Every agent around has an answer, if only that of its sub-agent. */
  #markSpoken(work: Work): void {
    for (const each of outwards(work)) each.hasSpoken = true;
  }

  #close(work: Work, failure: Failure | undefined): void {
    if (!this.#works.remove(work)) return;
    const { face, agent } = work;
    switch (face.kind) {
      case "step":
        if (agent.steps.delete(face.stepName))
          this.#tell({ type: "STEP_FINISHED", stepName: face.stepName, ...by(agent) });
        break;
      case "reply":
        // One reply of several spans is over with the outermost of them.
        if (work.parent?.face !== face) this.#hush(face.reply);
        break;
      case "tool":
        this.#call(face, agent, undefined);
        break;
      case "agent":
        this.#closeAgent(face.agent, failure);
        break;
      case "hidden":
        break;
    }
  }

  #closeAgent(agent: Agent, failure: Failure | undefined): void {
    for (const work of this.#works.open()) if (work.agent === agent) this.#close(work, failure);
    const subagentRunId = agent.id ?? "";
    if (failure) this.#tell({ type: "SUBAGENT_ERROR", subagentRunId, ...failure });
    else this.#tell({ type: "SUBAGENT_FINISHED", subagentRunId });
  }

  #find(operation: Operation, event: BusEvent, data: Data): Work | undefined {
    const toolCallId = text(data, "toolCallId");
    return this.#works.find({ operation, spanId: event.spanId, toolCallId, name: nameOf(operation, data) });
  }

  #agentAround(event: BusEvent): Agent {
    const around = this.#works.around(event.spanId, event.parentSpanId);
    return around ? agentInside(around) : this.#agent;
  }

  #tell(draft: AgUiDraft): void {
    this.#out.push(this.#time === undefined ? draft : { ...draft, timestamp: this.#time });
  }

  #taken(): AgUiEvent[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

function isOperation(name: string): name is Operation {
  return Object.hasOwn(operations, name);
}

function by(agent: Agent): { readonly subagentRunId?: string } {
  return agent.id === undefined ? {} : { subagentRunId: agent.id };
}

/** Events of the catalogue may be published by hand, and changed by `redact`: nothing is taken for granted. */
function text(data: Data | undefined, field: string): string | undefined {
  const value = data?.[field];
  return typeof value === "string" ? value : undefined;
}

function nameOf(operation: Operation, data: Data): string | undefined {
  if (operation === "tool") return text(data, "toolName");
  if (operation === "invocation") return text(data, "agentName");
  if (operation === "mcp") return text(data, "mcpMethod");
  const step = data["step"];
  return text(data, "name") ?? (operation === "step" && typeof step === "number" ? `step ${step}` : undefined);
}

function errorOf(data: Data): ErrorData {
  const { type, message } = (data["error"] ?? {}) as Partial<ErrorData>;
  return { type: typeof type === "string" ? type : "error", message: typeof message === "string" ? message : "" };
}
