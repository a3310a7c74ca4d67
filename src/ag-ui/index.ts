export type { AgUiEvent, AgUiEventMap, AgUiEventType, AgUiTokenUsage } from "./ag-ui-event.js";
export { type AgUiEvents, type AgUiOptions, type AgUiSource, toAgUi } from "./to-ag-ui.js";
