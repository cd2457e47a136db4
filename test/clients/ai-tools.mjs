// The tool that tests of npm `ai` offer: the weather is always rain.
import { tool } from 'ai';
import { city, weatherFunction } from './weather.mjs';

export const tools = {
  get_weather: tool({ description: weatherFunction.description, inputSchema: city, execute: () => 'rain' }),
};
