package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/emulator/frontdoor"
	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/event"
	"github.com/lambda-grpc/lambda-grpc-gateway/service/rpc"
	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

const (
	transportVariable = "CONFORMANCE_TRANSPORT"
	limitVariable     = "CONFORMANCE_LIMIT"
	streamVariable    = "CONFORMANCE_STREAM"
)

// serve runs the server under test. It reads its configuration from stdin,
// writes its address to stdout, and serves until it is told to stop.
func serve(ctx context.Context, transportName, targetName string) error {
	t, err := targetOf(targetName)
	if err != nil {
		return err
	}
	files, err := readDescriptors()
	if err != nil {
		return err
	}
	request := newMessage(files, "ServerCompatRequest")
	if err := readMessage(os.Stdin, request); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	limit := int(request.get("message_receive_limit").Uint())

	var handler http.Handler
	if t.source == "" {
		h, closeConn, err := newHandler(ctx, files, transportName, limit)
		if err != nil {
			return err
		}
		defer closeConn()
		handler = h
	} else {
		h, closeFunction, err := newFunction(ctx, t, transportName, limit)
		if err != nil {
			return err
		}
		defer closeFunction()
		handler = h
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: protocols, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()

	response := newMessage(files, "ServerCompatResponse")
	response.setString("host", "127.0.0.1")
	response.setUint32("port", uint32(l.Addr().(*net.TCPAddr).Port))
	if err := writeMessage(os.Stdout, response); err != nil {
		return err
	}
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
	}
	_ = server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newFunction starts this executable as a function in the emulator.
func newFunction(ctx context.Context, t target, transportName string, limit int) (http.Handler, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	fn, err := emulator.Start(context.WithoutCancel(ctx), emulator.Config{
		Path: self,
		Env: []string{
			descriptorsVariable + "=" + os.Getenv(descriptorsVariable),
			transportVariable + "=" + transportName,
			limitVariable + "=" + strconv.Itoa(limit),
			streamVariable + "=" + strconv.FormatBool(t.stream),
		},
		Concurrency: 16, // a call that waits for its client must not delay others
		Stdout:      os.Stderr,
		Stderr:      os.Stderr,
	})
	if err != nil {
		return nil, nil, err
	}
	var options []frontdoor.Option
	if t.stream {
		options = append(options, frontdoor.WithStreaming())
	}
	door, err := frontdoor.New(fn, t.source, options...)
	if err != nil {
		return nil, nil, errors.Join(err, fn.Close())
	}
	return door, func() { _ = fn.Close() }, nil
}

// serveInvocations runs as the function.
func serveInvocations(ctx context.Context) error {
	files, err := readDescriptors()
	if err != nil {
		return err
	}
	limit, err := strconv.Atoi(os.Getenv(limitVariable))
	if err != nil {
		return err
	}
	handler, _, err := newHandler(ctx, files, os.Getenv(transportVariable), limit)
	if err != nil {
		return err
	}
	events := event.NewHandler(handler)
	if os.Getenv(streamVariable) == "true" {
		lambda.Start(events.Stream)
	} else {
		lambda.Start(events)
	}
	return errors.New("the runtime client returned")
}

// newHandler serves the suite's service over a transport.
func newHandler(ctx context.Context, files *protoregistry.Files, transportName string, limit int) (http.Handler, func(), error) {
	tr, err := transport.Parse(transportName)
	if err != nil {
		return nil, nil, err
	}
	var services map[string]grpc.ServiceInfo
	conn, err := tr.Open(ctx, transport.ServerConfig{
		Register: func(r grpc.ServiceRegistrar) {
			r.RegisterService(serviceDesc(files), nil)
			if s, ok := r.(interface {
				GetServiceInfo() map[string]grpc.ServiceInfo
			}); ok {
				services = s.GetServiceInfo()
			}
		},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return nil, nil, err
	}
	handler, err := rpc.NewHandler(conn, services, rpc.Config{
		MaxRequestBytes: limit,
		Descriptors:     files,
		Metadata:        queryMetadata,
	})
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return handler, func() { _ = conn.Close() }, nil
}

func readDescriptors() (*protoregistry.Files, error) {
	data, err := os.ReadFile(os.Getenv(descriptorsVariable))
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	files := new(protoregistry.Files)
	for _, f := range set.File {
		file, err := protodesc.NewFile(f, resolver{files})
		if err != nil {
			return nil, err
		}
		if err := files.RegisterFile(file); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// The suite's messages on stdin and stdout follow four bytes with their length.

func readMessage(r io.Reader, m message) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	data := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	return proto.Unmarshal(data, m.Interface())
}

func writeMessage(w io.Writer, m message) error {
	data, err := proto.Marshal(m.Interface())
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}
