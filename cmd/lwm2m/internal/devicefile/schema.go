package devicefile

import (
	"encoding/json"
	"maps"
)

// schema is a JSON Schema.
type schema map[string]any

func textSchema() schema { return schema{"type": "string"} }
func boolSchema() schema { return schema{"type": "boolean"} }

func numberSchema() schema { return schema{"type": "number"} }

func wholeSchema(least, most uint64) schema {
	return schema{"type": "integer", "minimum": least, "maximum": most}
}

func durationSchema() schema {
	return schema{"type": []string{"string", "number"}, "examples": []string{"90s", "5m", "24h"}}
}

func choiceSchema(words ...string) schema { return schema{"enum": words} }

// described is a schema with a description.
func described(s schema, about string) schema {
	with := maps.Clone(s)
	with["description"] = about
	return with
}

// mappingSchema is that of a mapping with fields.
func mappingSchema[T any](fields []field[T]) schema {
	properties, required := schema{}, []string{}
	for _, f := range fields {
		properties[f.name] = described(f.schema, f.about)
		if f.required {
			required = append(required, f.name)
		}
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// Schema is the JSON Schema of device files, as text. What only the definitions of Objects tell, such as the
// type of a value, is left to [Parse].
func Schema() []byte {
	s := mappingSchema(fileFields())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$defs"] = schema{"resource": resourceSchema()}
	s["title"] = "Device file of lwm2m"
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // maps, lists and scalars can be marshalled
		return nil
	}
	return append(text, '\n')
}
