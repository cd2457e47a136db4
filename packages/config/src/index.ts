// The entry point of @lamina/config. It loads core only when a configuration is read, so that help is fast.
export { readConfiguration, type Configuration, type ConfigurationSources } from './configuration.js';
export type { ConfiguredValue, Origin } from './configuration.js';
export type { ConfigurationFile, Environment } from './file.js';
export { loadPlugins, type ConfiguredPlugin } from './plugins.js';
export { findPlugin, findPlugins, type PluginPackage } from './discovery.js';
export { projectOf, type CommandLocation, type Project } from './project.js';
export { addFlags } from './flags.js';
export { environmentName, settings, type Setting } from './settings.js';
export { styleOf, type OutputStream, type Style } from './style.js';
