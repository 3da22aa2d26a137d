package leshan

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// Version is the release of Leshan's server that Start runs.
	Version = "2.0.0-M18"
	// BootstrapVersion is the release of Leshan's bootstrap server that StartBootstrap
	// runs: of the later ones, Maven Central has the server only.
	BootstrapVersion = "2.0.0-M15"
)

const (
	minJava   = 17
	demoClass = "org.eclipse.leshan.demo.server.LeshanServerDemo"
	// fetchLimit bounds one run of Maven: a first run loads its plugins too.
	fetchLimit = 5 * time.Minute
)

// edition is one of the programs that this package can run.
type edition struct {
	// pom asks Maven for the libraries.
	pom string
	// sources are the folders of its front end below gateway, main its class.
	sources []string
	main    string
	// jar is the environment variable with a class path to use instead of Maven's.
	jar string
}

var (
	// The server needs its library, its CoAP and DTLS transport, and the test objects
	// 3441 and 3442, which are in the core's test jar.
	serverEdition = edition{
		pom: pom(library("leshan-lwm2m-server", Version, ""), library("leshan-tl-cf-server-coap", Version, ""),
			library("leshan-lwm2m-core", Version, "<type>test-jar</type>")),
		sources: []string{"shared", "server"}, main: "Gateway", jar: "LWM2M_LESHAN_JAR",
	}
	bootstrapEdition = edition{
		pom:     pom(library("leshan-server-cf", BootstrapVersion, "")),
		sources: []string{"shared", "bootstrap"}, main: "BootstrapGateway", jar: "LWM2M_LESHAN_BOOTSTRAP_JAR",
	}
)

func library(name, version, more string) string {
	return "<dependency><groupId>org.eclipse.leshan</groupId><artifactId>" + name + "</artifactId><version>" +
		version + "</version>" + more + "</dependency>"
}

// pom is a Maven project that depends on libraries and a logger.
func pom(libraries ...string) string {
	return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lwm2m.interop</groupId><artifactId>leshan</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ` + strings.Join(libraries, "\n    ") + `
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>2.0.17</version></dependency>
  </dependencies>
</project>
`
}

//go:embed gateway/*/*.java
var gateway embed.FS

// UnavailableError says that Leshan cannot run on this machine because something
// is missing: Java, Maven, or the network that Maven needs.
type UnavailableError struct {
	// Need is what is missing, in words for a person.
	Need string
	Err  error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("leshan: needs %s: %v", e.Need, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// program is a Java program ready to run.
type program struct {
	java      string
	classpath string
	main      string
}

func (p program) isDemo() bool { return p.main == demoClass }

// obtain finds the program in the cache, or fetches and builds it. It may run in
// several processes at once: one works, the others wait for it.
func (e edition) obtain(ctx context.Context) (program, error) {
	java, err := findJava(ctx)
	if err != nil {
		return program{}, err
	}
	cache, err := cacheFolder()
	if err != nil {
		return program{}, err
	}
	unlock, err := lockFolder(cache)
	if err != nil {
		return program{}, fmt.Errorf("leshan: lock the cache: %w", err)
	}
	defer unlock()

	classpath := os.Getenv(e.jar)
	if classpath == "" {
		jars, err := cached(cache, "jars-"+digest([]byte(e.pom)), func(dir string) error { return e.fetch(ctx, dir) })
		if err != nil {
			return program{}, err
		}
		classpath = filepath.Join(jars, "*")
	} else if isDemo, err := e.holdsDemo(classpath); err != nil || isDemo {
		return program{java: java, classpath: classpath, main: demoClass}, err
	}
	classes, err := e.compile(ctx, cache, classpath)
	if err != nil {
		return program{}, err
	}
	classpath = classes + string(os.PathListSeparator) + classpath
	return program{java: java, classpath: classpath, main: e.main}, nil
}

func cacheFolder() (string, error) {
	dir := os.Getenv("LWM2M_LESHAN_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("leshan: no cache folder, set LWM2M_LESHAN_CACHE: %w", err)
		}
		dir = filepath.Join(base, "lwm2m-go", "leshan")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("leshan: cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("leshan: cache folder: %w", err)
	}
	return dir, nil
}

// cached returns the folder called name in the cache. If it is not there, fill
// makes its content in a temporary folder that is then renamed, so that what
// has the name is complete even if a run is interrupted.
func cached(cache, name string, fill func(dir string) error) (string, error) {
	final := filepath.Join(cache, name)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	work, err := os.MkdirTemp(cache, ".new-")
	if err != nil {
		return "", fmt.Errorf("leshan: cache: %w", err)
	}
	defer os.RemoveAll(work)
	if err := fill(work); err != nil {
		return "", err
	}
	if err := os.Rename(work, final); err != nil {
		return "", fmt.Errorf("leshan: cache: %w", err)
	}
	return final, nil
}

// fetch has Maven copy Leshan and all it depends on into dir.
func (e edition) fetch(ctx context.Context, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return &UnavailableError{Need: "Maven (mvn) to fetch Eclipse Leshan", Err: err}
	}
	work, err := os.MkdirTemp("", "leshan-pom-")
	if err != nil {
		return fmt.Errorf("leshan: %w", err)
	}
	defer os.RemoveAll(work)
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, []byte(e.pom), 0o644); err != nil {
		return fmt.Errorf("leshan: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, mvn, "--batch-mode", "--quiet", "--file", file,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return &UnavailableError{
			Need: "Eclipse Leshan from Maven Central",
			Err:  fmt.Errorf("mvn: %w\n%s", err, firstLines(out, 5)),
		}
	}
	return nil
}

// compile translates the front end against the libraries of classpath.
func (e edition) compile(ctx context.Context, cache, classpath string) (string, error) {
	all := []byte(classpath)
	sources := make(map[string][]byte)
	for _, folder := range e.sources {
		names, err := fs.Glob(gateway, "gateway/"+folder+"/*.java")
		if err != nil {
			return "", fmt.Errorf("leshan: %w", err)
		}
		for _, name := range names {
			text, err := gateway.ReadFile(name)
			if err != nil {
				return "", fmt.Errorf("leshan: %w", err)
			}
			sources[filepath.Base(name)] = text
			all = append(append(all, name...), text...)
		}
	}
	return cached(cache, "gateway-"+digest(all), func(dir string) error {
		javac, err := javaTool("javac")
		if err != nil {
			return &UnavailableError{Need: fmt.Sprintf("a JDK %d or later (javac)", minJava), Err: err}
		}
		args := []string{"--release", strconv.Itoa(minJava), "-d", dir, "-cp", classpath}
		for name, text := range sources {
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, text, 0o644); err != nil {
				return fmt.Errorf("leshan: %w", err)
			}
			args = append(args, file)
		}
		if out, err := exec.CommandContext(ctx, javac, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("leshan: javac: %w\n%s", err, firstLines(out, 20))
		}
		return nil
	})
}

var versionLine = regexp.MustCompile(`version "(\d+)`)

func findJava(ctx context.Context) (string, error) {
	need := fmt.Sprintf("Java %d or later", minJava)
	java, err := javaTool("java")
	if err != nil {
		return "", &UnavailableError{Need: need, Err: err}
	}
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return "", &UnavailableError{Need: need, Err: fmt.Errorf("%s -version: %w", java, err)}
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return "", &UnavailableError{Need: need, Err: fmt.Errorf("%s -version says %q", java, firstLines(out, 1))}
	}
	if version, err := strconv.Atoi(string(match[1])); err != nil || version < minJava {
		return "", &UnavailableError{Need: need, Err: fmt.Errorf("%s is version %s", java, match[1])}
	}
	return java, nil
}

func javaTool(name string) (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return exec.LookPath(filepath.Join(home, "bin", name))
	}
	return exec.LookPath(name)
}

// holdsDemo tells whether a class path is Leshan's demo server.
func (e edition) holdsDemo(classpath string) (bool, error) {
	entry := strings.ReplaceAll(demoClass, ".", "/") + ".class"
	for _, jar := range filepath.SplitList(classpath) {
		if !strings.HasSuffix(jar, ".jar") {
			continue
		}
		archive, err := zip.OpenReader(jar)
		if err != nil {
			return false, fmt.Errorf("leshan: %s: %w", e.jar, err)
		}
		file, err := archive.Open(entry)
		if err == nil {
			file.Close()
		}
		archive.Close()
		if !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}

func firstLines(text []byte, n int) []byte {
	lines := bytes.SplitN(bytes.TrimSpace(text), []byte("\n"), n+1)
	return bytes.Join(lines[:min(n, len(lines))], []byte("\n"))
}
