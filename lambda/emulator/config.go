package emulator

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lambda-grpc/lambda-grpc-gateway/lambda/internal/awsid"
)

// Limits of synchronous and streamed invocations, in bytes.
const (
	// MaxRequestBytes is the largest event that the Invoke API accepts.
	MaxRequestBytes = 6 * 1024 * 1024
	// MaxResponseBytes is the largest buffered response that the Runtime API
	// accepts: 6 MB and a small allowance for its envelope.
	MaxResponseBytes = 6_291_556
	// MaxStreamBytes is the largest streamed response.
	MaxStreamBytes = 200 * 1024 * 1024
)

// A Config says which function to run and how. Only Path is required. The zero
// value of any other field means the default given in its comment.
type Config struct {
	// Path is the function's executable, called bootstrap in a deployment
	// package. It runs without arguments in the directory that contains it.
	Path string

	// Env is added to the function's environment as "KEY=value" strings. If a
	// key occurs twice, the last value counts. The function sees these variables
	// and those that Lambda sets, and inherits none from the emulator. Start
	// refuses the names that Lambda reserves. TMPDIR may be set, to test a
	// directory that is not writable.
	Env []string

	// Name is the function's name; "function" by default.
	Name string
	// Region is "us-east-1" by default.
	Region string
	// AccountID is twelve digits; "123456789012" by default.
	AccountID string
	// MemoryMB is the memory size that the function is told, in MB: 128 by
	// default. The emulator does not enforce it.
	MemoryMB int

	// Timeout bounds one invocation, counted from when the function receives
	// the event. The default is 30 s, the longest that an HTTP API waits;
	// Lambda's own default is 3 s. If the process has to be restarted first,
	// its init does not count and is bounded by InitTimeout.
	Timeout time.Duration
	// InitTimeout bounds the time from exec until the runtime and every
	// extension have asked for their first event: 10 s by default, as on
	// Lambda.
	InitTimeout time.Duration
	// ShutdownGrace is the time between SIGTERM and SIGKILL for a function
	// that registered an extension: 500 ms by default, as on Lambda. A
	// function without one gets SIGKILL at once.
	ShutdownGrace time.Duration

	// Concurrency is how many invocations the process serves at once: 1 by
	// default. A larger number stands for Lambda Managed Instances: the
	// function sees it as AWS_LAMBDA_MAX_CONCURRENCY, and a timeout fails the
	// invocation without ending the process.
	Concurrency int

	// Freeze stops the process with SIGSTOP whenever it waits for an event, and
	// continues it for the next invocation, as Lambda does at concurrency 1.
	Freeze bool

	// DropConnections closes the function's connections to the Runtime API
	// whenever the process is frozen, as a long freeze may. The function has
	// to repeat its pending calls for the next event.
	DropConnections bool

	// Extensions says how the Extensions API responds to the registration of
	// an extension: it accepts it by default.
	Extensions ExtensionMode

	// TempDir is the function's TMPDIR and stands for /tmp. It outlives
	// crashes and restarts. If it is empty, Start makes a new directory, and
	// [Function.Close] removes it. A given directory is not removed.
	TempDir string

	// Stdout and Stderr receive the function's output; nil discards it. Only
	// one goroutine at a time writes to them, also when both are the same
	// writer. They must not block.
	Stdout, Stderr io.Writer

	// Logger receives starts, exits and invocations at debug level and
	// failures at warn level; nil discards them.
	Logger *slog.Logger
}

// An ExtensionMode is how the Extensions API responds to a registration.
type ExtensionMode int

const (
	// ExtensionsAccepted registers extensions.
	ExtensionsAccepted ExtensionMode = iota
	// ExtensionsRefused responds with status 403.
	ExtensionsRefused
	// ExtensionsHang never responds.
	ExtensionsHang
)

// reserved are the variables that Lambda refuses in a function's configuration
// (Lambda developer guide, "Defined runtime environment variables"). The
// emulator sets them from other fields.
var reserved = [...]string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// withDefaults checks c and returns it with every default filled in.
func (c Config) withDefaults() (Config, error) {
	if c.Path == "" {
		return c, errors.New("emulator: no path to a function binary")
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return c, fmt.Errorf("emulator: resolving function path: %w", err)
	}
	c.Path = path
	for _, kv := range c.Env {
		key, _, ok := strings.Cut(kv, "=")
		if !ok || key == "" {
			return c, fmt.Errorf("emulator: environment %q is not KEY=value", kv)
		}
		for _, name := range reserved {
			if key == name {
				return c, fmt.Errorf("emulator: environment variable %s is reserved by Lambda", key)
			}
		}
	}
	if c.Extensions < ExtensionsAccepted || c.Extensions > ExtensionsHang {
		return c, fmt.Errorf("emulator: Extensions is %d, which is not an ExtensionMode", c.Extensions)
	}
	for name, n := range map[string]int64{
		"Timeout": int64(c.Timeout), "InitTimeout": int64(c.InitTimeout), "ShutdownGrace": int64(c.ShutdownGrace),
		"Concurrency": int64(c.Concurrency), "MemoryMB": int64(c.MemoryMB),
	} {
		if n < 0 {
			return c, fmt.Errorf("emulator: %s is negative", name)
		}
	}
	setDefault(&c.Name, "function")
	setDefault(&c.Region, "us-east-1")
	setDefault(&c.AccountID, "123456789012")
	setDefault(&c.MemoryMB, 128)
	setDefault(&c.Timeout, 30*time.Second)
	setDefault(&c.InitTimeout, 10*time.Second)
	setDefault(&c.ShutdownGrace, 500*time.Millisecond)
	setDefault(&c.Concurrency, 1)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// arn returns the function's ARN.
func (c Config) arn() string {
	return "arn:aws:lambda:" + c.Region + ":" + c.AccountID + ":function:" + c.Name
}

// environ returns the environment of one process of the function, whose Runtime
// API is at address.
func (c Config) environ(address string, started time.Time) []string {
	initialization := "on-demand"
	if c.Concurrency > 1 {
		initialization = "lambda-managed-instances"
	}
	env := []string{
		"_HANDLER=bootstrap",
		"AWS_REGION=" + c.Region,
		"AWS_DEFAULT_REGION=" + c.Region,
		"AWS_LAMBDA_FUNCTION_NAME=" + c.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", c.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=" + initialization,
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + c.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + started.UTC().Format("2006/01/02") + "/[$LATEST]" + awsid.Hex(16),
		"AWS_LAMBDA_RUNTIME_API=" + address,
		"LAMBDA_TASK_ROOT=" + filepath.Dir(c.Path),
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"TZ=:UTC",
		"TMPDIR=" + c.TempDir,
	}
	if c.Concurrency > 1 {
		env = append(env, fmt.Sprintf("AWS_LAMBDA_MAX_CONCURRENCY=%d", c.Concurrency))
	}
	return append(env, c.Env...)
}

// openTempDir returns the function's temporary directory. owned says that the
// emulator made it and removes it.
func (c Config) openTempDir() (dir string, owned bool, err error) {
	if c.TempDir != "" {
		dir, err = filepath.Abs(c.TempDir)
		return dir, false, err
	}
	dir, err = os.MkdirTemp("", "lambda-")
	return dir, true, err
}
