// Errors as Ollama's clients read them.
import { LaminaError, type WireError } from '@lamina/core/plugin';

/** `{ error: text }`; the text for an unknown model is Ollama's own, which clients match. */
export function errorBody({ code, message, details }: WireError): { readonly error: string } {
  return { error: code === 'MODEL_NOT_FOUND' ? `model '${String(details?.['model'])}' not found` : message };
}

/** A request that can never be right. */
export function invalid(message: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message });
}
