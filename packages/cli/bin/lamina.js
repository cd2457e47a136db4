#!/usr/bin/env node
// The lamina command. Committed, because npm links a bin before anything is built.
import '../dist/main.js';
