// The clients under test, each with the same three functions:
//
//   unary(request, options)   resolves to {message, header, trailer}
//   stream(request, options)  returns an async iterable of the messages
//   eager                     whether messages of a stream arrive as they are sent
//
// options are {headers, timeoutMs, onHeader, onTrailer}. Errors are
// ConnectErrors. This file runs in node and in a page.
import { createFileRegistry, fromBinary, toBinary, create } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import * as web from "@connectrpc/connect-web";
import grpcWeb from "grpc-web";

// schema returns the service and the registry of a descriptor set.
export function schema(descriptorSet) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  return { registry, service: registry.getService("test.v1.EchoService") };
}

// connectClient makes a client of one of Connect's transports.
export function connectClient(service, transport) {
  const client = createClient(service, transport);
  return {
    eager: true,
    async unary(request, options = {}) {
      let header, trailer;
      const message = await client.echo(request, {
        ...options,
        onHeader: (h) => (header = h),
        onTrailer: (t) => (trailer = t),
      });
      return { message, header, trailer };
    },
    stream: (request, options) => client.echoStream(request, options),
  };
}

// webClients are the clients that run in a browser and in node. grpc-web is not
// among them, since it needs a browser's XMLHttpRequest.
export function webClients(service, baseUrl) {
  return {
    "connect-web, Connect, JSON": connectClient(service, web.createConnectTransport({ baseUrl })),
    "connect-web, Connect, protobuf": connectClient(service, web.createConnectTransport({ baseUrl, useBinaryFormat: true })),
    "connect-web, gRPC-Web": connectClient(service, web.createGrpcWebTransport({ baseUrl })),
  };
}

export function grpcWebClients(service, baseUrl) {
  return {
    "grpc-web, text": grpcWebClient(service, baseUrl, "text"),
    "grpc-web, binary": grpcWebClient(service, baseUrl, "binary"),
  };
}

// grpcWebClient makes a client of grpc-web, with what protoc-gen-grpc-web would
// generate.
function grpcWebClient(service, baseUrl, format) {
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const url = (method) => `${baseUrl}/${service.typeName}/${method.name}`;
  const descriptor = (method, type) =>
    new grpcWeb.MethodDescriptor(
      `/${service.typeName}/${method.name}`,
      type,
      Object,
      Object,
      (request) => toBinary(method.input, create(method.input, request)),
      (bytes) => fromBinary(method.output, bytes),
    );
  const { echo, echoStream } = service.method;
  const echoDescriptor = descriptor(echo, grpcWeb.MethodType.UNARY);
  const echoStreamDescriptor = descriptor(echoStream, grpcWeb.MethodType.SERVER_STREAMING);

  return {
    // Only in text does it hand over messages before the end of a stream.
    eager: format === "text",
    unary(request, options = {}) {
      return new Promise((resolve, reject) => {
        let header, trailer, message;
        const call = client.rpcCall(url(echo), request, metadata(options), echoDescriptor, (error, response) => {
          if (error) reject(connectError(error));
          message = response;
        });
        call.on("metadata", (m) => (header = new Headers(m)));
        call.on("status", (s) => (trailer = new Headers(s.metadata)));
        call.on("end", () => resolve({ message, header, trailer }));
      });
    },
    async *stream(request, options = {}) {
      const events = []; // functions that return a message, throw, or return undefined at the end
      let wake = () => {};
      const push = (event) => {
        events.push(event);
        wake();
      };
      const call = client.serverStreaming(url(echoStream), request, metadata(options), echoStreamDescriptor);
      call.on("metadata", (m) => options.onHeader?.(new Headers(m)));
      call.on("status", (s) => options.onTrailer?.(new Headers(s.metadata)));
      call.on("data", (message) => push(() => message));
      call.on("end", () => push(() => undefined));
      call.on("error", (error) => push(() => { throw connectError(error); }));
      for (;;) {
        if (events.length === 0) await new Promise((resolve) => (wake = resolve));
        const message = events.shift()();
        if (message === undefined) return;
        yield message;
      }
    },
  };
}

// metadata is how a caller of grpc-web sets a deadline and headers.
function metadata({ headers = {}, timeoutMs }) {
  return timeoutMs === undefined ? headers : { ...headers, deadline: String(Date.now() + timeoutMs) };
}

// connectError gives an error of grpc-web the form that the cases look at.
function connectError(error) {
  const details = findTrailerError(new Headers({ "grpc-status": String(error.code), ...error.metadata }))?.details ?? [];
  const converted = new ConnectError(error.message, error.code, error.metadata);
  converted.details = details;
  return converted;
}
