// Open-loop load on Larder with k6: the mix of ../ghz/requests.json at a constant rate, or through a day.
//
//   k6 run loadtest/k6/larder.js                                     gRPC, 800/s for a minute
//   k6 run -e PROTOCOL=http -e PROFILE=diurnal loadtest/k6/larder.js HTTP/JSON, 200 to 800 to 200/s
//
// Also: RPS, DURATION, QUIET (the night's rate), GRPC (host:port), HTTP (http://host:port).
//
// k6 counts latency from the moment it sends, not from the moment a request was due: what it could not send in time is in
// `dropped_iterations`, which must stay 0 for the percentiles to be worth anything.

import grpc from 'k6/net/grpc';
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
import { SharedArray } from 'k6/data';

const rps = Number(__ENV.RPS || 800);
const quiet = Number(__ENV.QUIET || 200);
const duration = __ENV.DURATION || '60s';
const grpcTarget = __ENV.GRPC || '127.0.0.1:50051';
const httpTarget = __ENV.HTTP || 'http://127.0.0.1:8080';
const overHttp = __ENV.PROTOCOL === 'http';

const profiles = {
  constant: {
    executor: 'constant-arrival-rate',
    rate: rps,
    timeUnit: '1s',
    duration,
  },
  diurnal: {
    executor: 'ramping-arrival-rate',
    startRate: quiet,
    timeUnit: '1s',
    stages: [
      { duration, target: quiet },
      { duration, target: rps },
      { duration, target: rps },
      { duration, target: quiet },
    ],
  },
};
const profile = profiles[__ENV.PROFILE || 'constant'];
if (!profile) {
  throw new Error(`PROFILE is ${__ENV.PROFILE}; there are ${Object.keys(profiles).join(', ')}`);
}

export const options = {
  discardResponseBodies: false,
  scenarios: {
    recommend: {
      ...profile,
      exec: overHttp ? 'recommendOverHttp' : 'recommendOverGrpc',
      preAllocatedVUs: 100,
      maxVUs: 1000,
    },
  },
  thresholds: {
    [overHttp ? 'http_req_duration' : 'grpc_req_duration']: ['p(99)<10'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
  },
};

const mix = new SharedArray('mix', () => JSON.parse(open('../ghz/requests.json')));
const client = new grpc.Client();
client.load(['../../proto/proto'], 'larder/v1/recommendation.proto');
let connected = false;

// ghz fills its templates in itself; here it is done by hand: {{printf `P%05d` (randomInt 1 2400)}}.
const template = /\{\{printf `([A-Z]+)%0(\d+)d` \(randomInt (\d+) (\d+)\)\}\}/g;

function request() {
  const text = JSON.stringify(mix[exec.scenario.iterationInTest % mix.length]);
  const filled = text.replace(template, (_, letters, width, low, high) => {
    const number = Number(low) + Math.floor(Math.random() * (Number(high) - Number(low)));
    return letters + String(number).padStart(Number(width), '0');
  });
  return JSON.parse(filled);
}

export function recommendOverGrpc() {
  if (!connected) {
    client.connect(grpcTarget, { plaintext: true });
    connected = true;
  }
  const answer = client.invoke('larder.v1.RecommendationService/Recommend', request(), { timeout: '1s' });
  check(answer, { 'is OK': (answer) => answer && answer.status === grpc.StatusOK });
}

export function recommendOverHttp() {
  const message = request();
  const url = `${httpTarget}/v1/placements/${encodeURIComponent(message.placement)}:recommend`;
  const answer = http.post(url, JSON.stringify(message), {
    headers: { 'content-type': 'application/json' },
    tags: { name: message.placement },
    timeout: '1s',
  });
  check(answer, { 'is 200': (answer) => answer.status === 200 });
}
