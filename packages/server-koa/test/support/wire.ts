// The types of the responses of the server's own routes.
export interface HealthAnswer {
  status: string;
  timestamp: number;
  active_servers: number;
  models: {
    total_models: number;
    available_models: number;
    missing_models: number;
    backends: string[];
    categories: string[];
    use_cases: string[];
  };
}

export interface ModelAnswer {
  backend: string;
  available: boolean;
  active: boolean;
  state: string;
  missing?: string[];
  metadata?: { architecture: string; context_length: number };
  server?: {
    port: number;
    backend: string;
    health_endpoint: string;
    chat_endpoint: string;
    started_at: string;
    pid?: number;
    origin?: string;
  };
}

export interface ModelsAnswer {
  models: Record<string, ModelAnswer>;
  total: number;
  available: number;
  active: number;
}

export interface BackendsAnswer {
  backends: Record<
    string,
    {
      type: string;
      available: boolean;
      version?: string;
      executable?: string;
      formats: string[];
      reason?: string;
      hint?: string;
    }
  >;
  available: string[];
  total_configured: number;
  total_available: number;
}

export interface OpenAiModels {
  object: string;
  data: { id: string; object: string; created: number; owned_by: string }[];
}
