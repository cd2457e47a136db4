// GET /v1/models for Anthropic's clients: Lamina's own answer, with the fields that they read beside OpenAI's.
import type { ServedModel, ServedModels } from '@lamina/core/protocol';
import type { HttpContext } from '@lamina/server-koa';

/** The list. Without `has_more`, clients ask for the next page for ever. */
export async function listModels(ctx: HttpContext): Promise<object | undefined> {
  await ctx.next();
  if (!isForAnthropic(ctx)) return undefined;
  const list = ctx.koa.body as ServedModels;
  const data = list.data.map(withAnthropicFields);
  return {
    ...list,
    data,
    has_more: false,
    ...(data.length === 0 ? {} : { first_id: data[0]!.id, last_id: data.at(-1)!.id }),
  };
}

/** One model. @throws LaminaError `MODEL_NOT_FOUND` */
export async function retrieveModel(ctx: HttpContext): Promise<object | undefined> {
  if (isForAnthropic(ctx)) ctx.lamina.models.resolve(ctx.params['name']!); // Its error has Anthropic's form.
  await ctx.next();
  return isForAnthropic(ctx) ? withAnthropicFields(ctx.koa.body as ServedModel) : undefined;
}

/** Anthropic's clients always send this header; others never do. */
function isForAnthropic({ koa }: HttpContext): boolean {
  return koa.get('anthropic-version') !== '';
}

function withAnthropicFields(model: ServedModel): ServedModel & { readonly type: 'model' } {
  const created_at = new Date(model.created * 1_000).toISOString();
  return { ...model, type: 'model', display_name: model.id, created_at } as ServedModel & { readonly type: 'model' };
}
