package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/grpc/grpclog"
)

// LogGRPC makes grpc-go and grpc-gateway write what they log to logger, instead
// of as plain text to standard error: their errors as warnings, the rest at
// Debug. What fails a call is logged with the call, by the Service.
//
// It is for a program's main function: it replaces the logger of the whole
// process, and must be called before anything else of grpc-go is used.
func LogGRPC(logger *slog.Logger) { grpclog.SetLoggerV2(grpcLogger{logger}) }

// grpcLogger is a slog.Logger as a grpclog.LoggerV2.
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

// After these, grpclog ends the process itself.
func (g grpcLogger) Fatal(args ...any)                 { g.print(slog.LevelError, args) }
func (g grpcLogger) Fatalln(args ...any)               { g.println(slog.LevelError, args) }
func (g grpcLogger) Fatalf(format string, args ...any) { g.printf(slog.LevelError, format, args) }

// V keeps the most verbose messages of grpc-go out, as its own logger does by
// default.
func (g grpcLogger) V(level int) bool { return level <= 0 }
