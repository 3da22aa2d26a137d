package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// definitions finds the Object of a path, and its Resource if the path has one.
func definitions(p lwm2m.Path) (*model.Object, *model.Resource) {
	if p.IsRoot() {
		return nil, nil
	}
	object, ok := model.Embedded().Latest(p.Object())
	if !ok || p.Depth() < 3 {
		return object, nil
	}
	resource, _ := object.Resource(p.Resource())
	return object, resource
}

// named is a path with the name of what is there, such as "/3/0/0 Manufacturer".
func named(p lwm2m.Path) string {
	switch object, resource := definitions(p); {
	case resource != nil:
		return p.String() + " " + resource.Name
	case object != nil:
		return p.String() + " " + object.Name
	}
	return p.String()
}

// valued is the value at a path for people, with its unit.
func valued(p lwm2m.Path, v lwm2m.Value) string {
	var s string
	switch v.Kind() {
	case model.None:
		return "(empty)"
	case model.String, model.Corelnk:
		s = strconv.Quote(v.Text())
	case model.Opaque:
		s = fmt.Sprintf("%d bytes %s", v.Len(), v)
	default:
		s = v.String()
	}
	if _, resource := definitions(p); resource != nil && resource.Units != "" {
		s += " " + strings.Trim(resource.Units, "/0123456789 ")
	}
	return strings.TrimSpace(s)
}

// formatName is the short name of a Content-Format.
func formatName(f server.ContentFormat) string {
	switch f {
	case server.NoContentFormat:
		return "no format"
	case server.Text:
		return "text"
	case server.LinkFormat:
		return "link format"
	case server.OctetStream:
		return "opaque"
	case server.CBOR:
		return "CBOR"
	case server.SenMLJSON:
		return "SenML JSON"
	case server.SenMLCBOR:
		return "SenML CBOR"
	case server.TLV:
		return "TLV"
	case server.JSON:
		return "JSON"
	case server.LwM2MCBOR:
		return "LwM2M CBOR"
	}
	return "format " + f.String()
}
