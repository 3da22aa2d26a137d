package devicefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What docs/devicefile.md shows is read, and the mistakes are told as it says.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/devicefile.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	folder := t.TempDir()
	barrel, err := os.ReadFile("testdata/own.xml")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"barrel.xml": string(barrel), "cellar.csv": blocks(page, "csv")[0] + "\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := blocks(page, "yaml")
	if len(good) < 6 {
		t.Fatalf("%d examples", len(good))
	}
	for _, block := range good {
		if _, err := Parse("device.yaml", folder, []byte(block)); err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
	}
	if _, err := Parse("device.yaml", folder, []byte(blocks(page, "yaml-wrong")[0])); err == nil || err.Error() != blocks(page, "text")[0] {
		t.Errorf("%v", err)
	}
	// That one lacks its files, and nothing else.
	_, err = Parse("device.yaml", folder, []byte(blocks(page, "yaml-files")[0]))
	for _, wrong := range mistakes(err) {
		if !strings.Contains(wrong.Error(), "meter-7.pem: ") && !strings.Contains(wrong.Error(), "meter-7-key.pem: ") {
			t.Errorf("%v", wrong)
		}
	}
	// Every key is told of.
	for _, all := range [][]string{
		names(fileFields()), names(logFields()), names(serverFields()), names(bootstrapFields()), names(protectionFields(nil)),
		names(pskFields()), names(certificateFields()), names(courseFields()), names(rampFields()), names(sineFields()),
		names(walkFields()), names(recordingFields()),
	} {
		for _, name := range all {
			if !strings.Contains(page, "`"+name) {
				t.Errorf("the key %s is not on the page", name)
			}
		}
	}
}

// blocks gives the code blocks of a page in a language.
func blocks(page, language string) (found []string) {
	for _, part := range strings.Split(page, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```\n")
		found = append(found, block)
	}
	return found
}
