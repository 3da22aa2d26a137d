package model_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lwm2m-go/lwm2m/model"
)

// valve is a definition on which the tests of errors make one change each.
const valve = `<?xml version="1.0" encoding="UTF-8"?>
<!-- licence -->
<LWM2M xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="LWM2M.xsd">
<Object ObjectType="MODefinition">
<Name>Valve</Name>
<Description1><![CDATA[Opens & closes.]]></Description1>
<ObjectID> 32000
</ObjectID>
<ObjectURN>urn:oma:lwm2m:x:32000:2.1</ObjectURN>
<LWM2MVersion>1.1</LWM2MVersion>
<ObjectVersion>2.1</ObjectVersion>
<MultipleInstances>Multiple</MultipleInstances>
<Mandatory>Optional</Mandatory>
<Resources>
<Item ID="7"><Name>Close</Name>
<Operations>E</Operations>
<MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory>
<Type></Type><RangeEnumeration/><Units/><Description/></Item>
<Item ID=" 1 "><Name>Level &lt;now&gt;</Name>
<Operations>RW</Operations>
<MultipleInstances>Multiple</MultipleInstances><Mandatory>Mandatory</Mandatory>
<Type> Unsigned Integer </Type><RangeEnumeration>0..100</RangeEnumeration><Units>%</Units>
<Description>How far<!-- or not --> open.</Description></Item>
</Resources>
<Description2>More.</Description2>
</Object>
</LWM2M>
`

func wantValve() *model.Object {
	return &model.Object{
		ID: 32000, Name: "Valve", Description: "Opens & closes.\n\nMore.", URN: "urn:oma:lwm2m:x:32000:2.1",
		Version: model.Version{Major: 2, Minor: 1}, LwM2MVersion: model.Version11, Multiple: true,
		Resources: []model.Resource{
			{
				ID: 1, Name: "Level <now>", Operations: model.Readable | model.Writable, Multiple: true, Mandatory: true,
				Kind: model.Unsigned, Range: model.ParseRange("0..100", model.Unsigned), Units: "%", Description: "How far open.",
			},
			{ID: 7, Name: "Close", Operations: model.Executable},
		},
	}
}

func TestReadObjects(t *testing.T) {
	for name, text := range map[string]string{
		"plain":              valve,
		"byte order mark":    "\ufeff" + valve,
		"CRLF":               strings.ReplaceAll(valve, "\n", "\r\n"),
		"elements reordered": strings.Replace(strings.Replace(valve, "<Name>Valve</Name>\n", "", 1), "<Resources>", "<Name>Valve</Name><Resources>", 1),
		"comment at the end": valve + "<!-- end -->\n",
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			got, err := model.ReadObjects(r, "valve.xml")
			if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], wantValve()) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
}

func TestReadObjectsDefaults(t *testing.T) {
	text := valve
	for _, optional := range []string{
		"<ObjectVersion>2.1</ObjectVersion>", "<RangeEnumeration/>", "<Units/>", "<Description/>",
		"<Description2>More.</Description2>", "<Description1><![CDATA[Opens & closes.]]></Description1>",
		"<ObjectURN>urn:oma:lwm2m:x:32000:2.1</ObjectURN>",
	} {
		text = strings.Replace(text, optional, "", 1)
	}
	text = strings.Replace(text, "<LWM2MVersion>1.1<", "<LWM2MVersion><", 1)
	got, err := model.ReadObjects(strings.NewReader(text), "valve.xml")
	if err != nil {
		t.Fatal(err)
	}
	want := wantValve()
	want.Version, want.LwM2MVersion, want.Description, want.URN = model.Version10, model.Version10, "", ""
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v, want %+v", got[0], want)
	}
}

func TestReadObjectsErrors(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		// one change of the definition, and the error: line:column: reason
		{"<ObjectID> 32000\n</ObjectID>\n", "", `4:1: <Object> has no <ObjectID>`},
		{"32000\n", "65535", `7:1: ObjectID "65535" is not a number of 0 to 65534`},
		{"32000\n", "-1", `7:1: ObjectID "-1" is not`},
		{"32000\n", "", `7:1: ObjectID "" is not`},
		{"<Name>Valve</Name>", "<Name> </Name>", `5:1: <Name> is empty`},
		{"<Name>Valve</Name>", "<Name>A</Name><Name>B</Name>", `5:15: second <Name> in <Object>`},
		{"<Name>Valve</Name>", "<Name><b>A</b></Name>", `5:7: unexpected element <b> in <Name>`},
		{"<Name>Valve</Name>", "<Nane>Valve</Nane>", `5:1: unknown element <Nane> in <Object>`},
		{"<Name>Valve</Name>", `<Name xmlns="urn:x">Valve</Name>`, `5:1: unknown element <Name> in <Object>`},
		{"<Name>Valve</Name>", `<Name lang="en">Valve</Name>`, `5:1: unknown attribute "lang" of <Name>`},
		{"<Name>Valve</Name>", `<Name>Valve</Name>oops`, `5:19: unexpected text "oops" between elements`},
		{"<Name>Valve</Name>", "<Name>&\n</Name>", `invalid character entity & (no semicolon)`},
		{"<Name>Valve</Name>", `<Name>&valve;</Name>`, `5:14: invalid character entity &valve;`},
		{`ObjectType="MODefinition"`, `Type="x"`, `4:1: unknown attribute "Type" of <Object>`},
		{"<ObjectVersion>2.1<", "<ObjectVersion>2<", `11:1: ObjectVersion: invalid version "2"`},
		{"<LWM2MVersion>1.1<", "<LWM2MVersion>1.x<", `10:1: LWM2MVersion: invalid version "1.x"`},
		{"<MultipleInstances>Multiple<", "<MultipleInstances>Many<", `12:1: MultipleInstances "Many" is neither Multiple nor Single`},
		{"<Mandatory>Optional<", "<Mandatory>optional<", `13:1: Mandatory "optional" is neither Mandatory nor Optional`},
		{`<Item ID="7">`, `<Item>`, `15:1: <Item> must have the attribute ID`},
		{`<Item ID="7">`, `<Item ID="7" Id="8">`, `15:1: <Item> must have the attribute ID and no other`},
		{`<Item ID="7">`, `<Item ID="1x">`, `15:1: ID "1x" is not a number`},
		{`<Item ID="7">`, `<Item ID="65535">`, `15:1: ID "65535" is not a number`},
		{`<Item ID="7">`, `<Item ID="1">`, `second definition of Resource 1`},
		{"<Operations>E<", "<Operations>X<", `16:1: Operations "X" is none of R, W, RW, E and nothing`},
		{"<Operations>E<", "<Operations>WR<", `16:1: Operations "WR" is none of`},
		{"<Operations>E<", "<Operations>R<", `15:1: Resource 7 has no type`},
		{"<Operations>E<", "<Operations><", `15:1: Resource 7 has no type`},
		{"<Operations>E</Operations>\n", "", `15:1: <Item> has no <Operations>`},
		{"<Type></Type>", "<Type>String</Type>", `15:1: Resource 7 is executable and must not have the type String`},
		{"<Type></Type>", "<Type>integer</Type>", `18:1: Type "integer" is not a data type of LwM2M`},
		{"<Type></Type>", "<Type>none</Type>", `18:1: Type "none" is not a data type of LwM2M`},
		{"<Type></Type>", "", `15:1: <Item> has no <Type>`},
		{"<Resources>", "<Resources><Thing/>", `14:12: unknown element <Thing> in <Resources>`},
		{valve[strings.Index(valve, "<Item"):strings.Index(valve, "</Resources>")], "", `14:1: <Resources> has no <Item>`},
		{valve[strings.Index(valve, "<Object "):strings.Index(valve, "</LWM2M>")], "", `<LWM2M> has no <Object>`},
		{"</LWM2M>", valve[strings.Index(valve, "<Object "):], `second definition of Object 32000 version 2.1`},
		{"</LWM2M>", "<Extra/></LWM2M>", `27:1: unknown element <Extra> in <LWM2M>`},
		{"</LWM2M>", "</LWM2M><LWM2M/>", `27:9: unexpected <LWM2M> after <LWM2M>`},
		{"</LWM2M>", "</LWM2M>text", `27:9: unexpected text "text"`},
		{"</LWM2M>", "", `unexpected EOF`},
		{"</Object>", "</Objekt>", `element <Object> closed by </Objekt>`},
		{"<LWM2M ", "<lwm2m ", `3:1: the file has <lwm2m> where <LWM2M> should be`},
		{valve, "", `1:1: no element <LWM2M>`},
		{valve, "\ufeff", `no element <LWM2M>`},
		{valve, "no XML", `unexpected text "no XML"`},
		{"<!-- licence -->", `<!DOCTYPE a [<!ENTITY b "c">]>`, `2:1: document types are not accepted`},
		{"UTF-8", "ISO-8859-1", `encoding "ISO-8859-1" is not supported`},
		{"Opens", "\xff", `invalid UTF-8`},
	} {
		text := strings.Replace(valve, c.old, c.new, 1)
		objects, err := model.ReadObjects(strings.NewReader(text), "valve.xml")
		var de *model.DefinitionError
		if !errors.As(err, &de) || de.File != "valve.xml" || de.Line < 1 || de.Column < 1 || objects != nil {
			t.Errorf("%q for %q: %v, %v", c.new, c.old, objects, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), "valve.xml:") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %s", c.new, c.old, err, c.want)
		}
	}
}

func TestReadObjectsKeepsErrorsOfTheReader(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(valve[:500]), iotest.ErrReader(fs.ErrPermission))
	_, err := model.ReadObjects(broken, "valve.xml")
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "valve.xml") {
		t.Errorf("got %v", err)
	}
}

func TestReadObjectsLimitsSize(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("<LWM2M>"), iotest.DataErrReader(forever{}))
	_, err := model.ReadObjects(endless, "big.xml")
	if err == nil || !strings.Contains(err.Error(), "limited to 4194304 bytes") {
		t.Errorf("got %v", err)
	}
}

// forever is white space without an end.
type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// registryFiles are all files of the OMA registry that this package has.
func registryFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, dir := range []string{"xml", "testdata/xml"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if path.Ext(e.Name()) != ".xml" {
				continue
			}
			text, err := os.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			files[path.Join(dir, e.Name())] = text
		}
	}
	return files
}

func TestReadObjectsOfTheRegistry(t *testing.T) {
	files := registryFiles(t)
	if len(files) < 29 {
		t.Errorf("only %d files", len(files))
	}
	for name, text := range files {
		objects, err := model.ReadObjects(strings.NewReader(string(text)), name)
		if err != nil {
			t.Error(err)
			continue
		}
		// The URN ends with the Object ID, and with the version unless it is 1.0.
		for _, o := range objects {
			_, rest, _ := strings.Cut(o.URN, ":lwm2m:")
			_, rest, _ = strings.Cut(rest, ":") // the registrar
			id, version, _ := strings.Cut(rest, ":")
			if got := (model.PathOf(o.ID)).String(); got != "/"+id || (version != "" && version != o.Version.String()) {
				t.Errorf("%s: %s version %v has the URN %s", name, got, o.Version, o.URN)
			}
			if o.Name == "" || o.Description == "" {
				t.Errorf("%s: %+v", name, o)
			}
		}
	}
}

func FuzzReadObjects(f *testing.F) {
	f.Add([]byte(valve))
	// The files of the registry are too large for a fast start.
	f.Fuzz(func(t *testing.T, text []byte) {
		objects, err := model.ReadObjects(strings.NewReader(string(text)), "fuzz.xml")
		var de *model.DefinitionError
		if err != nil {
			if !errors.As(err, &de) || objects != nil || de.Line < 1 || de.Column < 1 {
				t.Fatalf("%v, %#v", objects, err)
			}
			return
		}
		var r model.Registry
		if err := r.Add(objects...); err != nil || len(objects) == 0 {
			t.Fatalf("%d objects: %v", len(objects), err)
		}
		for o := range r.All() {
			for i := range o.Resources {
				res, ok := o.Resource(o.Resources[i].ID)
				if !ok || res != &o.Resources[i] || (res.Kind == model.None) != res.Operations.Has(model.Executable) {
					t.Fatalf("Resource %d of %+v", i, o)
				}
			}
		}
	})
}

func BenchmarkReadObjects(b *testing.B) {
	text, err := os.ReadFile("xml/3-1_1.xml")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := model.ReadObjects(strings.NewReader(string(text)), "3.xml"); err != nil {
			b.Fatal(err)
		}
	}
}
