//go:build darwin || linux

package transport_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lambda-grpc/lambda-grpc-gateway/transport"
)

// mustListen makes a socket at path. Closing the listener keeps the file.
func mustListen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	t.Cleanup(func() { l.Close() })
	return l
}

// staleSocket makes the files that a killed process leaves behind.
func staleSocket(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mustListen(t, filepath.Join(dir, "s")).Close()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An entry is a file in a directory for temporary files. The zero value is a
// directory that a killed process left behind.
type entry struct {
	foreignName bool   // it is not called grpc-unix-*
	kind        string // "", "file", "fifo", or a symbolic link: "link"
	mode        fs.FileMode
	locked      bool
	foreignUser bool // the directory belongs to another user

	socket            string // "", "none", "file", "directory", "link", "live"
	socketForeignUser bool
	another           string // the name of a file beside it
	socketName        string
}

// stale reports whether Open may remove the entry.
func (e entry) stale() bool {
	return !e.foreignName && e.kind == "" && e.mode == 0 && !e.locked && !e.foreignUser &&
		e.socket == "" && !e.socketForeignUser && e.another == "" && e.socketName == ""
}

// randomEntry returns a stale entry with a few properties changed.
func randomEntry(r *rand.Rand) entry {
	var e entry
	for range r.IntN(3) {
		switch r.IntN(10) {
		case 0:
			e.foreignName = true
		case 1:
			e.kind = []string{"file", "fifo", "link"}[r.IntN(3)]
		case 2:
			e.mode = []fs.FileMode{0o755, 0o750, 0o711, 0o777}[r.IntN(4)]
		case 3:
			e.locked = true
		case 4, 5:
			e.socket = []string{"none", "file", "directory", "link", "live"}[r.IntN(5)]
		case 6:
			e.another = string(rune('a' + r.IntN('s'-'a'))) // directories are listed in any order
		case 7:
			e.socketName = []string{"S", "s2", ".s"}[r.IntN(3)]
		case 8:
			e.foreignUser = os.Geteuid() == 0
		case 9:
			e.socketForeignUser = os.Geteuid() == 0
		}
	}
	return e
}

// make makes the entry at path. target is a directory for a link.
func (e entry) make(t *testing.T, path, target string) {
	t.Helper()
	switch e.kind {
	case "file":
		must(t, os.WriteFile(path, nil, 0o600))
		return
	case "fifo":
		must(t, syscall.Mkfifo(path, 0o600))
		return
	case "link":
		if filepath.Dir(target) == filepath.Dir(path) {
			target = filepath.Base(target) // os.Root follows relative links only
		}
		must(t, os.Symlink(target, path))
		return
	}
	must(t, os.Mkdir(path, 0o700))
	name := e.socketName
	if name == "" {
		name = "s"
	}
	socket := filepath.Join(path, name)
	switch e.socket {
	case "":
		mustListen(t, socket).Close()
	case "live":
		mustListen(t, socket)
	case "file":
		must(t, os.WriteFile(socket, nil, 0o600))
	case "directory":
		must(t, os.Mkdir(socket, 0o700))
	case "link":
		must(t, os.Symlink(filepath.Join(target, "s"), socket))
	}
	if e.another != "" {
		must(t, os.WriteFile(filepath.Join(path, e.another), nil, 0o600))
	}
	const nobody = 65534
	if e.socketForeignUser && e.socket != "none" {
		must(t, os.Lchown(socket, nobody, nobody))
	}
	if e.mode != 0 {
		must(t, os.Chmod(path, e.mode))
	}
	if e.foreignUser {
		must(t, os.Lchown(path, nobody, nobody))
	}
	if e.locked {
		f, err := os.Open(path)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	}
}

// tree lists the files in dir with their modes.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && path != dir {
			found = append(found, info.Mode().String()+" "+strings.TrimPrefix(path, dir))
		}
		return err
	}))
	return found
}

func TestUnixRemovesOnlyWhatIsStale(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			base, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
			staleSocket(t, target)
			if seed%2 == 0 { // links that stay in the directory
				target = filepath.Join(base, "target")
				staleSocket(t, target)
			}
			made := make(map[string]entry)
			var stale []string
			for i := range 30 {
				e := randomEntry(r)
				prefix := "grpc-unix-"
				if e.foreignName {
					prefix = "grpc-unix"
				}
				path := filepath.Join(base, prefix+strconv.Itoa(i))
				e.make(t, path, target)
				made[path] = e
				if e.stale() {
					stale = append(stale, path)
				}
			}
			before := tree(t, base)
			want := before[:0:0]
			for _, line := range before {
				_, path, _ := strings.Cut(line, " ")
				if !made[filepath.Join(base, strings.Split(path, "/")[1])].stale() || strings.HasPrefix(path, "/target") {
					want = append(want, line)
				}
			}
			if len(stale) == 0 || len(want) == 0 {
				t.Fatalf("of %v, %v are stale: nothing is tested", before, stale)
			}
			open(t, transport.Unix(base), healthServer(nil)).Close()
			if diff := cmp.Diff(want, tree(t, base)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if _, err := os.Lstat(filepath.Join(target, "s")); err != nil {
				t.Errorf("what links name: %v", err)
			}
		})
	}
}

// While Open removes stale sockets, directories are replaced by links to
// another directory, which looks stale except for its name.
func TestUnixSweepIsNotRedirectedByALink(t *testing.T) {
	base := t.TempDir()
	victim := filepath.Join(base, "victim")
	staleSocket(t, victim)
	aside, link := filepath.Join(base, "aside"), filepath.Join(base, "link")
	must(t, os.Symlink(filepath.Base(victim), link)) // relative: os.Root follows no other
	var baits []string
	for i := range 16 {
		bait := filepath.Join(base, "grpc-unix-"+strconv.Itoa(i))
		must(t, os.Mkdir(bait, 0o700))
		must(t, os.WriteFile(filepath.Join(bait, "file"), nil, 0o600))
		baits = append(baits, bait)
	}
	done := make(chan struct{})
	var swaps sync.WaitGroup
	swaps.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			bait := baits[i%len(baits)]
			for _, move := range [][2]string{{bait, aside}, {link, bait}, {bait, link}, {aside, bait}} {
				if err := os.Rename(move[0], move[1]); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 50 {
		open(t, transport.Unix(base), healthServer(nil)).Close()
	}
	close(done)
	swaps.Wait()
	if _, err := os.Lstat(filepath.Join(victim, "s")); err != nil {
		t.Error(err)
	}
}

func TestUnixSweepIsBounded(t *testing.T) {
	base := t.TempDir()
	const made = 2000
	for i := range made {
		staleSocket(t, filepath.Join(base, "grpc-unix-"+strconv.Itoa(i)))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := transport.Unix(base).Open(ended, healthServer(nil)); err == nil {
		t.Fatal("Open succeeded after its context had ended")
	}
	if left := countSockets(t, base); left != made {
		t.Errorf("%d of %d are left by an Open whose context had ended", left, made)
	}
	before := made
	for range 2 {
		open(t, transport.Unix(base), healthServer(nil)).Close()
		left := countSockets(t, base)
		if left >= before || left == 0 {
			t.Errorf("%d sockets were left before an Open, %d after it; want fewer, but some", before, left)
		}
		before = left
	}
}

func TestUnixCloseLeavesWhatReplacedItsDirectory(t *testing.T) {
	base := t.TempDir()
	conn := open(t, transport.Unix(base), healthServer(nil))
	dir := filepath.Dir(socketPath(t, base))
	must(t, os.Rename(dir, filepath.Join(base, "moved")))
	staleSocket(t, dir)
	must(t, conn.Close())
	if _, err := os.Lstat(filepath.Join(dir, "s")); err != nil {
		t.Errorf("what stands where the socket was: %v", err)
	}
}

const descriptorsVariable = "TRANSPORT_TEST_DESCRIPTORS"

// With any number of free file descriptors, the first transport that works is
// opened quickly and nothing is left behind.
func TestFirstOf_WithoutFileDescriptors(t *testing.T) {
	if n := os.Getenv(descriptorsVariable); n != "" {
		openWithDescriptors(t, n)
		return
	}
	executable, err := os.Executable()
	must(t, err)
	for n := range 12 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			dir := t.TempDir()
			cmd := exec.CommandContext(ctx, executable, "-test.run=^TestFirstOf_WithoutFileDescriptors$", "-test.v")
			cmd.Env = append(os.Environ(), descriptorsVariable+"="+strconv.Itoa(n), "TMPDIR="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "opened ") {
				t.Fatalf("%v\n%s", err, out)
			}
			if n == 2 && !strings.Contains(string(out), "opened bufconn") {
				t.Errorf("two descriptors were enough for unix:\n%s", out)
			}
			if n == 11 && !strings.Contains(string(out), "opened unix") {
				t.Errorf("eleven descriptors were not enough for unix:\n%s", out)
			}
			if strings.Contains(string(out), "opened bufconn") && !strings.Contains(string(out), "too many open files") {
				t.Errorf("the warning does not say that there were too many open files:\n%s", out)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// openWithDescriptors opens unix or bufconn with n descriptors left.
func openWithDescriptors(t *testing.T, n string) {
	left, err := strconv.Atoi(n)
	must(t, err)
	open(t, transport.Unix(""), healthServer(nil)).Close() // so that the runtime has what it needs
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}))
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	for _, f := range files[:left] {
		f.Close()
	}
	// An attempt that hangs would get half of this minute.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	conn, err := transport.FirstOf(transport.Unix(""), transport.Bufconn()).Open(ctx, healthServer(nil))
	must(t, err)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("Open took %v", took)
	}
	checkHealth(t, conn)
	fmt.Println("opened", conn.Transport())
	must(t, conn.Close())
	for _, f := range files[left:] {
		f.Close()
	}
}
