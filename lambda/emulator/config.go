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
	// MaxResponseBytes is the largest buffered answer that the Runtime API
	// accepts: 6 MB and a small allowance for its envelope.
	MaxResponseBytes = 6_291_556
	// MaxStreamBytes is the largest streamed answer.
	MaxStreamBytes = 200 * 1024 * 1024
)

// Config says which function to run and how. Only Path is required; a zero
// value anywhere else means the default named beside it.
type Config struct {
	// Path is the function's executable, the file called bootstrap in a
	// deployment package. It runs without arguments, in its own directory.
	Path string

	// Env is added to the function's environment, each as "KEY=value"; the
	// last of equal keys counts. The child sees these and what Lambda sets,
	// nothing of the emulator's own environment. The names that Lambda
	// reserves are refused; TMPDIR may be set, to test a directory that
	// cannot be written.
	Env []string

	// Name is the function's name; "function" by default.
	Name string
	// Region is "us-east-1" by default.
	Region string
	// AccountID is twelve digits; "123456789012" by default.
	AccountID string
	// MemoryMB is what the function is told it has: 128 by default. The
	// emulator does not enforce it.
	MemoryMB int

	// Timeout bounds one invocation, from when the function takes the event:
	// 30 s by default, which is the longest that an HTTP API waits (Lambda's
	// own default is 3 s). The init of a process that is started again for the
	// invocation comes before and is bounded by InitTimeout.
	Timeout time.Duration
	// InitTimeout bounds the time from exec to the first call of next by the
	// runtime and by every extension: 10 s by default, as on Lambda.
	InitTimeout time.Duration
	// ShutdownGrace is the time between SIGTERM and SIGKILL for a function
	// that registered an extension: 500 ms by default, as on Lambda. A
	// function without one gets SIGKILL at once.
	ShutdownGrace time.Duration

	// Concurrency is how many invocations the process serves at once, set as
	// AWS_LAMBDA_MAX_CONCURRENCY when above 1 (Lambda Managed Instances): 1 by
	// default. Above 1 a timeout fails the invocation and leaves the process
	// alone, as it does there.
	Concurrency int

	// Freeze stops the process with SIGSTOP whenever it waits for work, and
	// continues it for the next invocation. Lambda does so at concurrency 1.
	Freeze bool

	// DropConnections closes the function's connections to the Runtime API
	// whenever the process is stopped, as a long freeze may. Calls of next that
	// waited on them have to be made again.
	DropConnections bool

	// Extensions says how the Extensions API answers the registration of an
	// extension.
	Extensions ExtensionMode

	// TempDir is the function's TMPDIR and stands for /tmp: it outlives
	// crashes and restarts. Empty means a new directory that [Function.Close]
	// removes; a given one is left alone.
	TempDir string

	// Stdout and Stderr receive what the function prints; nil discards it.
	// They are written to from one goroutine at a time, also when both are
	// the same writer, and must not block.
	Stdout, Stderr io.Writer

	// Logger gets the events of the function's life at debug level, failures
	// at warn; nil discards them.
	Logger *slog.Logger
}

// An ExtensionMode is how the Extensions API answers a registration.
type ExtensionMode int

const (
	// ExtensionsAccepted registers extensions.
	ExtensionsAccepted ExtensionMode = iota
	// ExtensionsRefused answers with 403.
	ExtensionsRefused
	// ExtensionsHang never answers.
	ExtensionsHang
)

// reserved are the variables that Lambda refuses in a function's configuration
// (Lambda developer guide, "Defined runtime environment variables") and that
// the emulator sets from other fields.
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
		return c, fmt.Errorf("emulator: finding function binary: %w", err)
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
		return c, fmt.Errorf("emulator: Extensions is %d, which is no ExtensionMode", c.Extensions)
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

// arn is the ARN that the function is invoked by.
func (c Config) arn() string {
	return "arn:aws:lambda:" + c.Region + ":" + c.AccountID + ":function:" + c.Name
}

// environ is the environment of one process of the function, whose Runtime API
// is at address.
func (c Config) environ(address, tempDir string, started time.Time) []string {
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
		"TMPDIR=" + tempDir,
	}
	if c.Concurrency > 1 {
		env = append(env, fmt.Sprintf("AWS_LAMBDA_MAX_CONCURRENCY=%d", c.Concurrency))
	}
	return append(env, c.Env...)
}

// openTempDir returns the function's temporary directory and whether it is the
// emulator's to remove.
func (c Config) openTempDir() (dir string, owned bool, err error) {
	if c.TempDir != "" {
		dir, err = filepath.Abs(c.TempDir)
		return dir, false, err
	}
	dir, err = os.MkdirTemp("", "lambda-")
	return dir, true, err
}
