package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/grpc/grpclog"
)

// LogGRPC makes grpc-go and grpc-gateway log to logger, instead of as plain
// text to standard error. Their errors are logged as warnings, everything
// else at level Debug. The Service logs the failure of a call itself.
//
// It replaces the logger of the whole process, so only a program's main
// function should call it, before it uses anything else of grpc-go.
func LogGRPC(logger *slog.Logger) { grpclog.SetLoggerV2(grpcLogger{logger}) }

// grpcLogger adapts a slog.Logger to grpclog.LoggerV2.
type grpcLogger struct{ *slog.Logger }

func (g grpcLogger) log(level slog.Level, format func() string) {
	if g.Enabled(context.Background(), level) {
		g.Log(context.Background(), level, bounded(strings.TrimSuffix(format(), "\n")), "logger", "grpc")
	}
}

func (g grpcLogger) print(level slog.Level, args []any) {
	g.log(level, func() string { return fmt.Sprint(args...) })
}

func (g grpcLogger) println(level slog.Level, args []any) {
	g.log(level, func() string { return fmt.Sprintln(args...) })
}

func (g grpcLogger) printf(level slog.Level, format string, args []any) {
	g.log(level, func() string { return fmt.Sprintf(format, args...) })
}

func (g grpcLogger) Info(args ...any)                    { g.print(slog.LevelDebug, args) }
func (g grpcLogger) Infoln(args ...any)                  { g.println(slog.LevelDebug, args) }
func (g grpcLogger) Infof(format string, args ...any)    { g.printf(slog.LevelDebug, format, args) }
func (g grpcLogger) Warning(args ...any)                 { g.print(slog.LevelDebug, args) }
func (g grpcLogger) Warningln(args ...any)               { g.println(slog.LevelDebug, args) }
func (g grpcLogger) Warningf(format string, args ...any) { g.printf(slog.LevelDebug, format, args) }
func (g grpcLogger) Error(args ...any)                   { g.print(slog.LevelWarn, args) }
func (g grpcLogger) Errorln(args ...any)                 { g.println(slog.LevelWarn, args) }
func (g grpcLogger) Errorf(format string, args ...any)   { g.printf(slog.LevelWarn, format, args) }

// grpclog ends the process after these.
func (g grpcLogger) Fatal(args ...any)                 { g.print(slog.LevelError, args) }
func (g grpcLogger) Fatalln(args ...any)               { g.println(slog.LevelError, args) }
func (g grpcLogger) Fatalf(format string, args ...any) { g.printf(slog.LevelError, format, args) }

// V excludes the verbose messages of grpc-go, as its own logger does by
// default.
func (g grpcLogger) V(level int) bool { return level <= 0 }
