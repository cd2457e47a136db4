// Names of the contract that are not used yet: name → what will use it. Remove a name when it is used; a test checks it.
export const reserved = {
  errors: {},
  hooks: {},
  events: {},
};
