package coap

import (
	"strings"
	"testing"
)

func TestDiagnostic(t *testing.T) {
	for payload, want := range map[string]string{
		"":                               "",
		`"thermo-1" may not, nor \this`:  `"thermo-1" may not, nor \this`,
		"Grüße, 温度 €":                    "Grüße, 温度 €",
		"x\n2000-01-01 ERROR forged\r\n": `x\x0a2000-01-01 ERROR forged\x0d\x0a`,
		"\x00\x1b[31m\x7f":               `\x00\x1b[31m\x7f`,
		"\xff\xc3":                       `\xff\xc3`,
		"a\u202eb\u2028":                 `a\u202eb\u2028`,
		strings.Repeat("x", 600):         strings.Repeat("x", 512) + "…",
		strings.Repeat("x", 512):         strings.Repeat("x", 512),
	} {
		if got := Diagnostic([]byte(payload)); got != want {
			t.Errorf("%q: %s, want %s", payload, got, want)
		}
	}
}
