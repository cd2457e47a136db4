// The models that a chat can be with, and what they can do.
import type { ModelsView, ServedModels } from '@lamina/core/protocol';
import type { Conversation } from './conversation.js';

const lastModel = 'lamina.chat.model';

/** A model that can be chosen. */
export interface ModelChoice {
  readonly name: string;
  readonly state: string;
  readonly isAvailable: boolean;
}

/** The models that can chat, or of which nobody knows: those that run first, then the available ones. */
export function modelChoices(models: ModelsView | undefined, served: ServedModels | undefined): readonly ModelChoice[] {
  return Object.entries(models?.models ?? {})
    .filter(([name]) => canChat(capabilitiesOf(served, name)))
    .map(([name, { available, state, active }]) => ({ name, state, isAvailable: available, isActive: active }))
    .sort(
      (one, other) =>
        Number(other.isAvailable) - Number(one.isAvailable) ||
        Number(other.isActive) - Number(one.isActive) ||
        one.name.localeCompare(other.name),
    );
}

/** The model of a new conversation: the one that was used last, or else the first. */
export function defaultModel(choices: readonly ModelChoice[], last: string | undefined): string {
  const usable = choices.filter(({ isAvailable }) => isAvailable);
  return (usable.find(({ name }) => name === last) ?? usable[0])?.name ?? '';
}

/** The model of a conversation, chosen or not. */
export function modelOf(conversation: Conversation, choices: readonly ModelChoice[]): string {
  return conversation.model || defaultModel(choices, localStorage.getItem(lastModel) ?? undefined);
}

/** Remembers the model for new conversations. */
export function rememberModel(name: string): void {
  localStorage.setItem(lastModel, name);
}

/** Whether a model takes images. */
export function canSee(served: ServedModels | undefined, name: string): boolean {
  return capabilitiesOf(served, name)?.includes('vision') === true;
}

function canChat(capabilities: readonly string[] | undefined): boolean {
  return capabilities === undefined || capabilities.length === 0 || capabilities.includes('chat');
}

function capabilitiesOf(served: ServedModels | undefined, name: string): readonly string[] | undefined {
  return served?.data.find(({ id }) => id === name)?.capabilities;
}
