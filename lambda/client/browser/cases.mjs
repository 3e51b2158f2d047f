// What every client must see. This file runs in node and in a page.
import { Code, ConnectError, decodeBinaryHeader, encodeBinaryHeader } from "@connectrpc/connect";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";

// cases are functions of a client and an environment: the registry of the
// descriptor set; buffered, whether the messages of a stream arrive only at its
// end; and receipts, the URL at which the runner records and returns which
// messages a client has received.
export const cases = {
  "a unary call carries every kind of field": async (client) => {
    const request = {
      id: "1",
      text: "héllo ☃ 𝄞",
      tags: ["a", "", "b"],
      number: 2n ** 53n + 1n,
      data: new Uint8Array([0, 255, 10, 13]),
      time: timestampFromMs(1767323045678),
      nested: { name: "n", count: -1 },
    };
    const { message } = await client.unary(request);
    equal(message.id, request.id);
    equal(message.text, request.text);
    equal(message.tags, request.tags);
    equal(message.number, request.number);
    equal([...message.data], [...request.data]);
    equal(timestampMs(message.time), 1767323045678);
    equal([message.nested.name, message.nested.count], ["n", -1]);
  },

  "a unary call carries metadata both ways": async (client) => {
    const { header, trailer } = await client.unary({ id: "metadata" }, { headers: sent() });
    checkHeader(header);
    checkTrailer(trailer);
  },

  "a stream carries metadata both ways": async (client) => {
    let header, trailer;
    const options = { headers: sent(), onHeader: (h) => (header = h), onTrailer: (t) => (trailer = t) };
    equal((await collect(client.stream({ id: "metadata", count: 2 }, options))).messages.length, 2);
    checkHeader(header);
    checkTrailer(trailer);
  },

  "a stream has all messages in order": async (client) => {
    const { messages, error } = await collect(client.stream({ id: "é", count: 500 }));
    equal(error, undefined);
    equal(messages.map((m) => m.sequence), Array.from({ length: 500 }, (_, i) => i + 1));
    equal(messages.every((m) => m.id === "é"), true);
  },

  "a stream may be empty": async (client) => {
    equal(await collect(client.stream({ id: "x" })), { messages: [], error: undefined });
  },

  "a unary call fails with a status and its details": async (client, env) => {
    checkFailure(await failureOf(client.unary({ id: "error" })), env);
  },

  "a stream fails with a status and its details before a message": async (client, env) => {
    const { messages, error } = await collect(client.stream({ id: "error" }));
    equal(messages.length, 0);
    checkFailure(error, env);
  },

  "a stream fails with a status and its details after messages": async (client, env) => {
    const { messages, error } = await collect(client.stream({ id: "error", count: 3 }));
    equal(messages.map((m) => m.sequence), [1, 2, 3]);
    checkFailure(error, env);
  },

  "the service sees the client's deadline": async (client) => {
    const { message } = await client.unary({ id: "deadline" }, { timeoutMs: 15_000 });
    const left = Number(message.number);
    equal(left > 0 && left <= 15_000, true, `${left} ms are left`);
  },

  "a unary call ends at its deadline": async (client) => {
    const error = await failureOf(client.unary({ id: "wait" }, { timeoutMs: 300 }));
    equal(Code[error.code], "DeadlineExceeded", error.message);
  },

  "a stream ends at its deadline": async (client) => {
    const { error } = await collect(client.stream({ id: "wait", count: 1 }, { timeoutMs: 300 }));
    equal(Code[error?.code], "DeadlineExceeded", error?.message);
  },

  // The service sends a message when the client has received the one before it
  // and 100 ms have passed, so that no message can arrive in time that was held
  // back on the way.
  "messages 100 ms apart arrive one by one": async (client, env) => {
    const eager = client.eager && !env.buffered;
    const url = `${env.receipts}?id=${crypto.randomUUID()}`;
    const request = { id: `${url}&wait=${eager ? 20_000 : 500}`, count: 4, interval: { seconds: 0n, nanos: 100_000_000 } };
    const arrivals = [];
    const { messages, error } = await collect(client.stream(request), async (message) => {
      arrivals.push(performance.now());
      await fetch(`${url}&sequence=${message.sequence}`, { method: "POST" });
    });
    if (!eager) {
      equal(Code[error?.code], "FailedPrecondition", "messages that are held back arrived");
      equal(messages.length, 1);
      return;
    }
    equal(error, undefined);
    equal(messages.map((m) => m.sequence), [1, 2, 3, 4]);
    const gaps = arrivals.slice(1).map((at, i) => at - arrivals[i]);
    equal(gaps.every((gap) => gap >= 99), true, `gaps of ${gaps} ms`);
  },
};

const sent = () => ({ "x-in": "in", "x-in-bin": encodeBinaryHeader(new Uint8Array([0, 255, 1])) });

function checkHeader(header) {
  equal(header.get("x-out"), "in");
  equal([...decodeBinaryHeader(header.get("x-out-bin"))], [0, 255, 1]);
  equal(header.get("x-hidden"), null);
}

function checkTrailer(trailer) {
  equal(trailer.get("x-end"), "in");
  equal(trailer.get("x-hidden"), null);
}

function checkFailure(error, { registry }) {
  equal(error instanceof ConnectError, true, `error: ${error}`);
  equal(Code[error.code], "NotFound", error.message);
  equal(error.rawMessage, "no echo in the café: 50% off");
  equal(error.details.map((d) => d.type), ["test.v1.EchoNested", "google.protobuf.Duration"]);
  const [nested] = error.findDetails(registry.getMessage("test.v1.EchoNested"));
  equal([nested.name, nested.count], ["shelf", 7]);
  const [duration] = error.findDetails(registry.getMessage("google.protobuf.Duration"));
  equal([duration.seconds, duration.nanos], [1n, 500_000_000]);
}

// collect returns the messages of stream and the error with which it ends.
async function collect(stream, received = () => {}) {
  const messages = [];
  try {
    for await (const message of stream) {
      messages.push(message);
      await received(message);
    }
  } catch (error) {
    return { messages, error };
  }
  return { messages, error: undefined };
}

async function failureOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the call did not fail");
}

function equal(got, want, about = "") {
  const text = (value) => JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v === undefined ? "undefined" : v));
  if (text(got) !== text(want)) throw new Error(`got ${text(got)}, want ${text(want)} ${about}`);
}
