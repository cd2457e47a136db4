// Renders the prompt of a chat from the model's own template with the messages and tools of the request, like
// llama-server. Where the library has a renderer for the template, or the model has none, the library renders it.
import type { ChatWrapper, ContextState, HistoryItem, Model, NodeLlamaCpp, Token } from './binding.js';
import { RequestError } from './errors.js';
import { libraryHistory, templateMessages } from './messages.js';
import type { ChatRequest } from './requests.js';

/** A parsed template. */
export interface Template {
  render(values: object): string;
}

/** A rendered chat. */
export interface Prompt {
  readonly wrapper: ChatWrapper;
  readonly history: readonly HistoryItem[];
  readonly tokens: readonly Token[];
}

/** The parts of a chat that determine its prompt. */
export interface PromptParts {
  readonly request: ChatRequest;
  /** The tools it may call; none when it must not. */
  readonly tools: NonNullable<ChatRequest['tools']>;
  /** The functions in the library's format. */
  readonly functions: object;
  /** Whether it must call one of them. */
  readonly mustCall: boolean;
}

/** Writes the prompts of one model. */
export class Prompts {
  private readonly wrapper: ChatWrapper;
  /** The stop triggers of every response; the rest of it is overwritten. */
  private readonly endings: ContextState;

  constructor(
    private readonly library: NodeLlamaCpp,
    private readonly model: Model,
    /** Its text, and the parsed template unless parsing failed. */
    private readonly template: { readonly text: string; readonly parsed?: Template } | undefined,
    private readonly templateValues: object,
  ) {
    this.wrapper = wrapperFor(library, model, template?.text);
    this.endings = this.wrapper.generateContextState({
      chatHistory: [
        { type: 'user', text: 'Hello' },
        { type: 'model', response: [] },
      ],
    });
  }

  /** Whether the model supports tools; for others, the library describes tools in text of its own. */
  get takesTools(): boolean {
    return this.isOwn ? this.ownTakesTools : true;
  }

  private get ownTakesTools(): boolean {
    return (this.wrapper as { usingJinjaFunctionCallTemplate?: boolean }).usingJinjaFunctionCallTemplate === true;
  }

  /** Whether prompts are rendered from the model's own template. */
  private get isOwn(): boolean {
    return (
      this.template?.parsed !== undefined &&
      (this.wrapper.wrapperName === 'JinjaTemplate' || !marksOfKnown.test(this.template.text))
    );
  }

  /** @throws RequestError when the template refuses the messages */
  write(parts: PromptParts): Prompt {
    const { request, functions, mustCall } = parts;
    const history = libraryHistory(request.messages);
    const own = this.rendersItself(parts) ? this.render(parts) : undefined;
    const wrapper = own === undefined ? this.wrapper : this.around(own);
    const forced = mustCall ? withCall(wrapper) : wrapper;
    const { contextText } = forced.generateContextState({
      chatHistory: own === undefined ? history : answerAlone,
      availableFunctions: functions,
      documentFunctionParams: true,
    });
    return {
      wrapper: forced,
      history: own === undefined ? history : answerAlone,
      tokens: contextText.tokenize(this.model.tokenizer),
    };
  }

  private rendersItself({ tools }: PromptParts): boolean {
    return this.isOwn && (tools.length === 0 || this.ownTakesTools);
  }

  private render({ request, tools }: PromptParts): string {
    const { bosString, eosString, shouldPrependBosToken } = this.model.tokens;
    const values = {
      bos_token: bosString ?? '',
      eos_token: eosString ?? '',
      ...this.templateValues,
      ...request.chat_template_kwargs,
    };
    try {
      const text = this.template!.parsed!.render({
        ...values,
        messages: templateMessages(request.messages),
        add_generation_prompt: true,
        ...(tools.length === 0 ? {} : { tools }),
      });
      return shouldPrependBosToken && bosString !== null && !text.startsWith(bosString) ? bosString + text : text;
    } catch (error) {
      if (error instanceof RequestError) throw error;
      throw new RequestError(
        400,
        `The chat template of the model refuses these messages: ${(error as Error).message}`,
        { param: 'messages' },
      );
    }
  }

  /**
   * The library's wrapper with another prompt: how calls and thoughts are read out of the answer stays its business.
   */
  private around(text: string): ChatWrapper {
    const { LlamaText, SpecialTokensText } = this.library;
    const wrapper = Object.create(this.wrapper, { settings: { value: this.settingsFor(text) } }) as ChatWrapper;
    const generateContextState: ChatWrapper['generateContextState'] = ({ chatHistory }) => {
      const last = chatHistory.at(-1);
      const answer = last?.type === 'model' ? wrapper.generateModelResponseText(last.response) : '';
      return { ...this.endings, contextText: LlamaText([new SpecialTokensText(text), answer]) };
    };
    return Object.assign(wrapper, { generateContextState });
  }

  /** Some templates begin the thoughts themselves, or end them at once; the end of the prompt shows it. */
  private settingsFor(text: string): ChatWrapper['settings'] {
    const { settings } = this.wrapper;
    const { segments } = settings;
    const { thought } = segments ?? {};
    if (thought === undefined) return settings;
    const endsWith = (mark: unknown) => text.trimEnd().endsWith(textOfMark(mark)?.trim() ?? '\0');
    if (endsWith(thought['suffix'])) return { ...settings, segments: { ...segments, thought: undefined } };
    const began = endsWith(thought.prefix) ? { prefix: { type: 'openedOnStart', afterFunctionCalls: false } } : {};
    return { ...settings, segments: { ...segments, thought: { ...thought, openOnResponseStart: false, ...began } } };
  }
}

/**
 * What the templates that the library knows by heart have in them: ChatML, Qwen, Llama, Mistral, Gemma, DeepSeek,
 * gpt-oss, Seed, Functionary, Alpaca.
 */
const marksOfKnown =
  /<\|im_start\|>|<\|start_header_id\|>|\[INST\]|<start_of_turn>|<\|turn>|<｜|<\|channel\|>|<seed:|<\|recipient\|>|>>>|### Instruction/;

/**
 * The library compares a template with all it knows, which takes seconds; without one of their marks there is nothing
 * to compare.
 */
function wrapperFor({ resolveChatWrapper }: NodeLlamaCpp, model: Model, template: string | undefined): ChatWrapper {
  if (template === undefined) return resolveChatWrapper(model);
  const customWrapperSettings = { jinjaTemplate: { template } };
  return resolveChatWrapper(model, {
    customWrapperSettings,
    ...(marksOfKnown.test(template) ? {} : { type: 'jinjaTemplate' as const }),
  });
}

const answerAlone: readonly HistoryItem[] = [{ type: 'model', response: [] }];

/** The response begins with a call: the library lets the model choose the name, then the arguments. */
function withCall(wrapper: ChatWrapper): ChatWrapper {
  const generateContextState: ChatWrapper['generateContextState'] = (options) => ({
    ...wrapper.generateContextState(options),
    functionCall: { initiallyEngaged: true, disengageInitiallyEngaged: [] },
  });
  return Object.assign(Object.create(wrapper) as ChatWrapper, { generateContextState });
}

function textOfMark(mark: unknown): string | undefined {
  if (typeof mark === 'string') return mark;
  const values = (mark as { values?: readonly unknown[] } | undefined)?.values;
  return values
    ?.map((value) => (typeof value === 'string' ? value : ((value as { value?: string }).value ?? '')))
    .join('');
}
