package leshan

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestObtainConcurrentlyAndOffline(t *testing.T) {
	Require(t, errOfShared)
	if testing.Short() {
		t.Skip("fetches Leshan anew")
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		Require(t, &UnavailableError{Need: "Maven", Err: err})
	}
	cache := t.TempDir()
	t.Setenv("LWM2M_LESHAN_CACHE", cache)
	var workers sync.WaitGroup
	programs, failures := make([]program, 3), make([]error, 3)
	for i := range programs {
		workers.Go(func() { programs[i], failures[i] = serverEdition.obtain(context.Background()) })
	}
	workers.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	if programs[0] != programs[1] || programs[0] != programs[2] {
		t.Errorf("different programs: %+v", programs)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, ".new-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}

	onlyJava(t, programs[0].java)
	again, err := serverEdition.obtain(context.Background())
	if err != nil || again.classpath != programs[0].classpath {
		t.Errorf("without Maven and javac: %+v, %v, want %+v", again, err, programs[0])
	}
}

// onlyJava leaves one program on the PATH; none if java is empty.
func onlyJava(t *testing.T, java string) {
	t.Helper()
	dir := t.TempDir()
	if java != "" {
		if err := os.Symlink(java, filepath.Join(dir, "java")); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("JAVA_HOME", "")
	t.Setenv("PATH", dir)
}

func TestObtainSaysWhatIsMissing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	java := func(version string) string {
		return "#!/bin/sh\necho 'openjdk version \"" + version + "\"' >&2\n"
	}
	for _, test := range []struct {
		name  string
		tools map[string]string
		jar   string
		need  string
		said  string
	}{
		{"no Java", nil, "", "Java 17 or later", ""},
		{"old Java", map[string]string{"java": java("1.8.0_402")}, "", "Java 17 or later", "is version 1"},
		{"strange Java", map[string]string{"java": "#!/bin/sh\necho tea\n"}, "", "Java 17 or later", "tea"},
		{"broken Java", map[string]string{"java": "#!/bin/sh\nexit 1\n"}, "", "Java 17 or later", "exit status 1"},
		{"no Maven", map[string]string{"java": java("17.0.1")}, "", "Maven (mvn)", ""},
		{
			"no network", map[string]string{"java": java("21"), "mvn": "#!/bin/sh\necho '[ERROR] no route'\nexit 1\n"}, "",
			"from Maven Central", "no route",
		},
		{"no JDK", map[string]string{"java": java("21")}, "libraries", "a JDK 17", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			onlyJava(t, "")
			for name, script := range test.tools {
				if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), name), []byte(script), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("LWM2M_LESHAN_CACHE", t.TempDir())
			t.Setenv("LWM2M_LESHAN_JAR", test.jar)
			_, err := serverEdition.obtain(context.Background())
			var unavailable *UnavailableError
			if !errors.As(err, &unavailable) {
				t.Fatalf("obtain: %v, want an UnavailableError", err)
			}
			if !strings.Contains(unavailable.Need, test.need) || !strings.Contains(err.Error(), test.said) {
				t.Errorf("error %q, want %q and %q", err, test.need, test.said)
			}
		})
	}
}

func TestDemoServerJar(t *testing.T) {
	jar := filepath.Join(t.TempDir(), "demo.jar")
	file, err := os.Create(jar)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	if _, err := archive.Create("org/eclipse/leshan/demo/server/LeshanServerDemo.class"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(archive.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	for classpath, want := range map[string]bool{jar: true, "lib" + string(os.PathListSeparator) + jar: true, "lib": false} {
		if got, err := serverEdition.holdsDemo(classpath); got != want || err != nil {
			t.Errorf("holdsDemo(%q) = %v, %v, want %v", classpath, got, err, want)
		}
	}
	if _, err := serverEdition.holdsDemo("missing.jar"); err == nil {
		t.Error("a missing jar is taken")
	}
	server := &process{dir: t.TempDir()}
	args, err := server.arguments(program{main: demoClass, classpath: jar}, Options{}, []string{"1", "2", "3", "4", "5", "6"})
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"-lp", "-slp", "-wp", "-jp", "-tp", "-tsp"} {
		i := slices.Index(args, option)
		if i < 0 || slices.Contains(args[i+2:], args[i+1]) {
			t.Errorf("option %s is missing or shares its port: %v", option, args)
		}
	}
	if slices.Contains(args, "-tsh") {
		t.Errorf("-tsh would bind the wrong port: %v", args)
	}
}

// verdict notes how Require ended a test.
type verdict struct {
	testing.TB
	how string
}

func (v *verdict) Helper()      {}
func (v *verdict) Skip(...any)  { v.how = "skip"; runtime.Goexit() }
func (v *verdict) Fatal(...any) { v.how = "fail"; runtime.Goexit() }

func TestRequire(t *testing.T) {
	missing := fmt.Errorf("wrapped: %w", &UnavailableError{Need: "Java", Err: exec.ErrNotFound})
	for _, test := range []struct {
		err  error
		ci   string
		want string
	}{
		{nil, "true", "go on"},
		{missing, "", "skip"},
		{missing, "false", "skip"},
		{missing, "true", "fail"},
		{errors.New("crashed"), "", "fail"},
	} {
		t.Setenv("CI", test.ci)
		v := &verdict{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Require(v, test.err)
			v.how = "go on"
		}()
		<-done
		if v.how != test.want {
			t.Errorf("Require(%v) with CI=%q: %s, want %s", test.err, test.ci, v.how, test.want)
		}
	}
}
