package libcoap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

const (
	binaries = "libcoap3-bin"
	// fetchLimit bounds one run of apt-get.
	fetchLimit = 3 * time.Minute
)

// UnavailableError says that libcoap's programs cannot be had on this machine.
type UnavailableError struct {
	Err error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("libcoap: its programs are not installed and cannot be downloaded; on Debian, "+
		"`apt-get install %s` provides them: %v", binaries, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// installation is where the programs and, if they are not the system's, their
// libraries are.
type installation struct {
	programs, libraries string
}

// obtain finds the programs on the PATH or in the cache, or downloads them. Several
// processes may do that at once: the first that has all keeps it.
func obtain() (installation, error) {
	if program, err := exec.LookPath("coap-server-" + string(OpenSSL)); err == nil {
		return installation{programs: filepath.Dir(program)}, nil
	}
	cache, err := cacheFolder()
	if err != nil {
		return installation{}, err
	}
	final := filepath.Join(cache, binaries)
	if _, err := os.Stat(final); err != nil {
		work, err := os.MkdirTemp(cache, ".new-")
		if err != nil {
			return installation{}, fmt.Errorf("libcoap: cache: %w", err)
		}
		defer os.RemoveAll(work)
		if err := fetch(work); err != nil {
			return installation{}, err
		}
		if err := os.Rename(filepath.Join(work, "root"), final); err != nil && !errors.Is(err, os.ErrExist) {
			return installation{}, fmt.Errorf("libcoap: cache: %w", err)
		}
	}
	libraries, err := filepath.Glob(filepath.Join(final, "usr", "lib", "*", "libcoap-3-openssl.so.*"))
	if err != nil || len(libraries) == 0 {
		return installation{}, fmt.Errorf("libcoap: %s has no library; remove it to have it made anew", final)
	}
	return installation{programs: filepath.Join(final, "usr", "bin"), libraries: filepath.Dir(libraries[0])}, nil
}

func cacheFolder() (string, error) {
	dir := os.Getenv("LWM2M_LIBCOAP_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("libcoap: no cache folder, set LWM2M_LIBCOAP_CACHE: %w", err)
		}
		dir = filepath.Join(base, "lwm2m-go", "libcoap")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("libcoap: cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("libcoap: cache folder: %w", err)
	}
	return dir, nil
}

// fetch downloads the packages into a folder and unpacks them below root in it.
func fetch(dir string) error {
	apt := aptOf(dir)
	if err := apt.download(binaries); err != nil {
		return &UnavailableError{Err: err}
	}
	library, err := libraryOf(dir)
	if err != nil {
		return &UnavailableError{Err: err}
	}
	if err := apt.download(library); err != nil {
		return &UnavailableError{Err: err}
	}
	packages, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return fmt.Errorf("libcoap: %w", err)
	}
	for _, file := range packages {
		if _, err := run(dir, "dpkg-deb", "-x", file, filepath.Join(dir, "root")); err != nil {
			return &UnavailableError{Err: err}
		}
	}
	return nil
}

// apt downloads packages without being root.
type apt struct {
	dir     string
	options []string
}

func aptOf(dir string) *apt {
	return &apt{dir: dir, options: []string{"-o", "APT::Sandbox::User=root"}}
}

// download fetches a package. If the system's lists do not have it, as on a machine where apt-get
// update has never run, it makes lists in the folder.
func (a *apt) download(name string) error {
	_, err := a.get("download", name)
	if err == nil || len(a.options) > 2 {
		return err
	}
	state, cache := filepath.Join(a.dir, "state"), filepath.Join(a.dir, "cache")
	for _, folder := range []string{filepath.Join(state, "lists", "partial"), filepath.Join(cache, "archives", "partial")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("libcoap: %w", err)
		}
	}
	a.options = append(a.options, "-o", "Dir::State="+state, "-o", "Dir::Cache="+cache, "-o", "Dir::State::status=/var/lib/dpkg/status")
	if _, updateErr := a.get("update"); updateErr != nil {
		return errors.Join(err, updateErr)
	}
	_, err = a.get("download", name)
	return err
}

func (a *apt) get(args ...string) (string, error) {
	return run(a.dir, "apt-get", append(append([]string{"-q", "-y"}, a.options...), args...)...)
}

var dependency = regexp.MustCompile(`\blibcoap[\w.+-]*`)

// libraryOf is the package that the downloaded programs need.
func libraryOf(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, binaries+"_*.deb"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("libcoap: %d files of %s", len(files), binaries)
	}
	needs, err := run(dir, "dpkg-deb", "-f", files[0], "Depends")
	if err != nil {
		return "", err
	}
	if name := dependency.FindString(needs); name != "" {
		return name, nil
	}
	return "", fmt.Errorf("libcoap: %s depends on %q", binaries, needs)
}

func run(dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err != nil {
		last := bytes.TrimSpace(out)
		return "", fmt.Errorf("%s %s: %w: %s", name, args[len(args)-1], err, last[max(0, len(last)-500):])
	}
	return string(out), nil
}

// freePort gives a port that is free, as is the next one, for UDP and TCP at this moment.
func freePort() (int, error) {
	for range 50 {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("libcoap: find a free port: %w", err)
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if port < 65535 && isFree(port) && isFree(port+1) {
			return port, nil
		}
	}
	return 0, errors.New("libcoap: find a free port: too many are taken")
}

func isFree(port int) bool {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return false
	}
	defer listener.Close()
	packets, err := net.ListenPacket("udp4", address)
	if err != nil {
		return false
	}
	packets.Close()
	return true
}
