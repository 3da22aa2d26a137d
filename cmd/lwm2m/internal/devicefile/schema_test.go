package devicefile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/golden"
)

const published = "../../../../docs/device.schema.json"

// The schema in the documentation is that of the program.
func TestSchemaIsPublished(t *testing.T) { golden.Compare(t, published, Schema()) }

// What the schema refuses the program refuses too, and good files pass both.
func TestSchemaAgrees(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	good := []string{"testdata/everything.yaml", "../../../../examples/thermometer.yaml"}
	bad, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, name := range []string{"Device", "Temperature"} { // for editors to complete
		objects := s["properties"].(map[string]any)["objects"].(map[string]any)["properties"].(map[string]any)
		if objects[name] == nil {
			t.Errorf("the schema does not know %s", name)
		}
	}
	refused := 0
	for _, name := range slices.Concat(good, bad) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		root, err := parseYAML(name, text)
		if err != nil {
			continue // no YAML
		}
		complaint := (&validator{s}).validate(s, plainValue(root))
		_, err = Read(name)
		switch {
		case slices.Contains(good, name) && (complaint != "" || err != nil):
			t.Errorf("%s: %s, %v", name, complaint, err)
		case complaint != "" && err == nil:
			t.Errorf("%s passes, though the schema says: %s", name, complaint)
		case complaint != "":
			refused++
		}
	}
	if refused < 5 {
		t.Errorf("the schema refuses %d bad files only", refused)
	}
}

// plainValue is a node as JSON has it.
func plainValue(n *node) any {
	switch n.shape {
	case mapping:
		m := map[string]any{}
		for _, e := range n.entries {
			m[e.key.text] = plainValue(e.value)
		}
		return m
	case sequence:
		l := []any{}
		for _, item := range n.items {
			l = append(l, plainValue(item))
		}
		return l
	case scalar:
		if f, err := strconv.ParseFloat(n.text, 64); err == nil {
			return f
		}
		if b, ok := truth(n.text); ok {
			return b
		}
		return n.text
	}
	return nil
}

// validator is for schemas that refer to the definitions of one.
type validator struct{ root map[string]any }

// validate says what a value breaks of the part of JSON Schema that Schema uses; "" if nothing.
func (d *validator) validate(s map[string]any, v any) string {
	if name, ok := s["$ref"].(string); ok {
		definitions, _ := d.root["$defs"].(map[string]any)
		referred, ok := definitions[strings.TrimPrefix(name, "#/$defs/")].(map[string]any)
		if !ok {
			return "there is no " + name
		}
		s = referred
	}
	if types, ok := s["type"]; ok && !ofType(types, v) {
		return fmt.Sprintf("%v is not of type %v", v, types)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Sprintf("%v is not one of %v", v, enum)
	}
	if c, ok := s["const"]; ok && c != v {
		return fmt.Sprintf("%v is not %v", v, c)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		options, ok := s[key].([]any)
		if ok && !slices.ContainsFunc(options, func(o any) bool { return d.validate(o.(map[string]any), v) == "" }) {
			return fmt.Sprintf("%v is nothing that is possible", v)
		}
	}
	switch v := v.(type) {
	case float64:
		if least, ok := s["minimum"].(float64); ok && v < least {
			return fmt.Sprintf("%v is less than %v", v, least)
		}
		if most, ok := s["maximum"].(float64); ok && v > most {
			return fmt.Sprintf("%v is more than %v", v, most)
		}
	case string:
		if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(v) {
			return fmt.Sprintf("%q does not match %s", v, pattern)
		}
	case []any:
		for _, item := range v {
			if items, ok := s["items"].(map[string]any); ok {
				if wrong := d.validate(items, item); wrong != "" {
					return wrong
				}
			}
		}
	case map[string]any:
		return d.mapping(s, v)
	}
	return ""
}

func (d *validator) mapping(s, v map[string]any) string {
	properties, _ := s["properties"].(map[string]any)
	names, _ := s["propertyNames"].(map[string]any)
	for key, value := range v {
		if names != nil {
			if wrong := d.validate(names, key); wrong != "" {
				return wrong
			}
		}
		sub, ok := properties[key].(map[string]any)
		if !ok {
			if s["additionalProperties"] == false {
				return fmt.Sprintf("there is no %q", key)
			}
			sub, _ = s["additionalProperties"].(map[string]any)
		}
		if wrong := d.validate(sub, value); wrong != "" {
			return wrong
		}
	}
	required, _ := s["required"].([]any)
	for _, key := range required {
		if _, ok := v[key.(string)]; !ok {
			return fmt.Sprintf("%v is missing", key)
		}
	}
	return ""
}

func ofType(types, v any) bool {
	if list, ok := types.([]any); ok {
		return slices.ContainsFunc(list, func(t any) bool { return ofType(t, v) })
	}
	switch v := v.(type) {
	case string:
		return types == "string"
	case float64:
		return types == "number" || types == "integer" && v == float64(int64(v)) || types == "string" // keys and texts may look like numbers
	case bool:
		return types == "boolean"
	case []any:
		return types == "array"
	case map[string]any:
		return types == "object"
	}
	return types == "null"
}
