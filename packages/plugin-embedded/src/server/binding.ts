// The part of node-llama-cpp that is used here, as types: it is no dependency, so its own are not here when this is
// compiled. From its declarations, 3.22.1.

/** A token's number. */
export type Token = number;

/** Text of which some parts are special tokens. */
export interface LlamaText {
  tokenize(tokenizer: unknown): Token[];
}

/** What a chat wrapper says of a history: what the model is given, and what ends its answer. */
export interface ContextState {
  readonly contextText: LlamaText;
  readonly stopGenerationTriggers: readonly LlamaText[];
  readonly [more: string]: unknown;
}

/** One turn, as the library has it. */
export type HistoryItem =
  | { readonly type: 'system' | 'user'; readonly text: string }
  | { readonly type: 'model'; readonly response: readonly (string | HistoryCall | HistorySegment)[] };

/** A call the model made, with its result. */
export interface HistoryCall {
  readonly type: 'functionCall';
  readonly name: string;
  readonly params: unknown;
  readonly result: unknown;
}

/** A thought. */
export interface HistorySegment {
  readonly type: 'segment';
  readonly segmentType: string;
  readonly text: string;
  readonly ended: boolean;
}

/** Knows how the conversations, calls and thoughts of a model are written. */
export interface ChatWrapper {
  readonly wrapperName: string;
  readonly settings: {
    readonly segments?: {
      readonly thought?: { readonly prefix?: unknown; readonly [more: string]: unknown } | undefined;
    };
    readonly [more: string]: unknown;
  };
  generateContextState(options: { chatHistory: readonly HistoryItem[]; [more: string]: unknown }): ContextState;
  generateModelResponseText(response: readonly unknown[], useRawValues?: boolean): LlamaText;
}

/** A conversation under way: its tokens stay for the next that begins alike. */
export interface Sequence {
  readonly contextSize: number;
  readonly tokenMeter: { getState(): { readonly usedInputTokens: number; readonly usedOutputTokens: number } };
  /** How many tokens it holds. */
  readonly nextTokenIndex: number;
  /** Forgets what differs from these, and all behind it. */
  adaptStateToTokens(tokens: readonly Token[], allowShift: false): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly Token[]): Promise<void>;
  compareContextTokens(tokens: readonly Token[]): { readonly firstDifferentIndex: number };
  clearHistory(): Promise<void>;
}

/** What a context is made with. */
export interface ContextOptions {
  readonly sequences?: number;
  readonly contextSize?: 'auto' | number;
  readonly batchSize?: number;
  readonly threads?: number;
  readonly flashAttention?: 'auto' | boolean;
  readonly failedCreationRemedy?: false;
}

export interface Context {
  readonly contextSize: number;
  readonly totalSequences: number;
  getSequence(): Sequence;
}

export interface EmbeddingContext {
  getEmbeddingFor(input: readonly Token[]): Promise<{ readonly vector: readonly number[] }>;
}

export interface RankingContext {
  rank(query: string, document: string): Promise<number>;
}

export interface Model {
  readonly tokenizer: unknown;
  readonly fileInfo: {
    readonly metadata: {
      readonly tokenizer?: {
        readonly chat_template?: string;
        readonly ggml?: { readonly tokens?: readonly unknown[] };
      };
    };
  };
  readonly trainContextSize: number;
  readonly tokens: {
    readonly bos: Token | null;
    readonly bosString: string | null;
    readonly eosString: string | null;
    readonly shouldPrependBosToken: boolean;
  };
  tokenize(text: string, specialTokens?: boolean): Token[];
  isEogToken(token: Token): boolean;
  createContext(options: ContextOptions): Promise<Context>;
  createEmbeddingContext(options: ContextOptions): Promise<EmbeddingContext>;
  createRankingContext(options: ContextOptions): Promise<RankingContext>;
}

export interface Grammar {
  readonly grammar: string;
}

export interface Llama {
  readonly gpu: string | false;
  /** Cores worth computing on: of those of two kinds, the fast ones. */
  readonly cpuMathCores: number;
  /** Of all contexts together. */
  maxThreads: number;
  loadModel(options: {
    modelPath: string;
    gpuLayers?: 'auto' | 'max' | number;
    useMmap?: boolean;
    useMlock?: boolean;
    onLoadProgress?(ratio: number): void;
  }): Promise<Model>;
  createGrammarForJsonSchema(schema: unknown): Promise<Grammar>;
  getGrammarFor(type: 'json'): Promise<Grammar>;
  dispose(): Promise<void>;
}

/** How the next token is chosen, and what ends the answer. */
export interface GenerateOptions {
  readonly signal: AbortSignal;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly seed?: number;
  readonly repeatPenalty:
    false | { readonly penalty: number; readonly frequencyPenalty: number; readonly presencePenalty: number };
  readonly tokenBias?: unknown;
  readonly customStopTriggers?: readonly string[];
  readonly grammar?: Grammar;
}

export interface ChatOptions extends GenerateOptions {
  readonly functions?: Readonly<Record<string, { readonly description?: string; readonly params?: unknown }>>;
  readonly maxParallelFunctionCalls?: number;
  /** How much is forgotten when the context is full; asked only then. */
  readonly contextShift?: { size(): number };
  onResponseChunk?(chunk: {
    readonly type: 'segment' | undefined;
    readonly segmentType?: string;
    readonly text: string;
  }): void;
  onFunctionCallParamsChunk?(chunk: {
    readonly callIndex: number;
    readonly functionName: string;
    readonly paramsChunk: string;
    readonly done: boolean;
  }): void;
}

export interface Completed {
  readonly response: string;
  readonly metadata: { readonly stopReason: string };
}

export interface Chatted extends Completed {
  readonly functionCalls?: readonly { readonly functionName: string; readonly params: unknown }[];
}

/** The module. */
export interface NodeLlamaCpp {
  getLlama(options: {
    gpu: string | false;
    build: 'never';
    skipDownload: true;
    progressLogs: false;
    logLevel: string;
    logger(level: string, message: string): void;
  }): Promise<Llama>;
  getModuleVersion(): Promise<string>;
  resolveChatWrapper(
    model: Model,
    options?: { type?: 'jinjaTemplate'; customWrapperSettings: { jinjaTemplate: { template: string } } },
  ): ChatWrapper;
  LlamaText(values: unknown): LlamaText;
  readonly SpecialTokensText: new (text: string) => unknown;
  readonly SpecialToken: new (name: 'BOS' | 'EOS') => unknown;
  readonly TokenBias: new (tokenizer: unknown) => { set(token: Token, bias: { logit: number } | 'never'): void };
  readonly LlamaChat: new (options: { contextSequence: Sequence; chatWrapper: ChatWrapper }) => {
    generateResponse(history: readonly HistoryItem[], options: ChatOptions): Promise<Chatted>;
    dispose(): void;
  };
  readonly LlamaCompletion: new (options: { contextSequence: Sequence }) => {
    generateCompletionWithMeta(
      input: readonly Token[],
      options: GenerateOptions & {
        disableContextShift: true;
        contextShiftSize: number;
        onTextChunk?(text: string): void;
      },
    ): Promise<Completed>;
    dispose(): void;
  };
}
