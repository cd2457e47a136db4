// An engine with OpenAI's API: node engine.mjs <port>. Its key is in ACME_KEY.
import { createServer } from 'node:http';

const words = ['Acme', ' says', ' hello.'];

createServer((request, response) => {
  if (request.url === '/health') {
    response.end('ok');
  } else if (request.headers.authorization !== `Bearer ${process.env.ACME_KEY}`) {
    response.writeHead(401).end();
  } else if (request.url === '/v1/chat/completions') {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const content of words)
        response.write(
          `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] })}\n\n`,
        );
      response.end('data: [DONE]\n\n');
    });
  } else {
    response.writeHead(request.url === '/v1/models' ? 200 : 404).end('{"data":[]}');
  }
}).listen(Number(process.argv[2]), '127.0.0.1');
