// Names the contract has and nothing uses yet: name → what will. The documents say so, and a test wants the line gone
// once it is used.
export const reserved = {
  errors: {},
  hooks: {},
  events: {},
};
