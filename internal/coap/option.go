package coap

import (
	"encoding/binary"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// OptionID is an option number (RFC 7252 §5.10 and the IANA registry).
type OptionID uint16

// Option numbers.
const (
	IfMatch       OptionID = 1
	UriHost       OptionID = 3
	ETag          OptionID = 4
	IfNoneMatch   OptionID = 5
	Observe       OptionID = 6 // RFC 7641
	UriPort       OptionID = 7
	LocationPath  OptionID = 8
	OSCORE        OptionID = 9 // RFC 8613
	UriPath       OptionID = 11
	ContentFormat OptionID = 12
	MaxAge        OptionID = 14
	UriQuery      OptionID = 15
	HopLimit      OptionID = 16 // RFC 8768
	Accept        OptionID = 17
	LocationQuery OptionID = 20
	Block2        OptionID = 23 // RFC 7959
	Block1        OptionID = 27 // RFC 7959
	Size2         OptionID = 28 // RFC 7959
	ProxyURI      OptionID = 35
	ProxyScheme   OptionID = 39
	Size1         OptionID = 60
	Echo          OptionID = 252 // RFC 9175
	NoResponse    OptionID = 258 // RFC 7967
	RequestTag    OptionID = 292 // RFC 9175
)

// Critical reports whether a recipient that does not know the option must
// reject the message (RFC 7252 §5.4.1).
func (id OptionID) Critical() bool { return id&1 != 0 }

// Unsafe reports whether a proxy must understand the option to forward it
// (RFC 7252 §5.4.2).
func (id OptionID) Unsafe() bool { return id&2 != 0 }

// CacheKey reports whether the option is part of the cache key (RFC 7252
// §5.4.2): two requests that differ in it are different requests.
func (id OptionID) CacheKey() bool { return id&0x1e != 0x1c }

// optionRule is what the registry says of an option's value.
type optionRule struct {
	name       string
	min, max   int
	repeatable bool
}

// optionRules holds the options this package knows (RFC 7252 §5.10 Table 4
// and the RFCs named beside the constants).
var optionRules = map[OptionID]optionRule{
	IfMatch:       {"If-Match", 0, 8, true},
	UriHost:       {"Uri-Host", 1, 255, false},
	ETag:          {"ETag", 1, 8, true},
	IfNoneMatch:   {"If-None-Match", 0, 0, false},
	Observe:       {"Observe", 0, 3, false},
	UriPort:       {"Uri-Port", 0, 2, false},
	LocationPath:  {"Location-Path", 0, 255, true},
	OSCORE:        {"OSCORE", 0, 255, false},
	UriPath:       {"Uri-Path", 0, 255, true},
	ContentFormat: {"Content-Format", 0, 2, false},
	MaxAge:        {"Max-Age", 0, 4, false},
	UriQuery:      {"Uri-Query", 0, 255, true},
	HopLimit:      {"Hop-Limit", 1, 1, false},
	Accept:        {"Accept", 0, 2, false},
	LocationQuery: {"Location-Query", 0, 255, true},
	Block2:        {"Block2", 0, 3, false},
	Block1:        {"Block1", 0, 3, false},
	Size2:         {"Size2", 0, 4, false},
	ProxyURI:      {"Proxy-Uri", 1, 1034, false},
	ProxyScheme:   {"Proxy-Scheme", 1, 255, false},
	Size1:         {"Size1", 0, 4, false},
	Echo:          {"Echo", 1, 40, false},
	NoResponse:    {"No-Response", 0, 1, false},
	RequestTag:    {"Request-Tag", 0, 8, true},
}

// String returns the registry's name of the option, or its number.
func (id OptionID) String() string {
	if rule, ok := optionRules[id]; ok {
		return rule.name
	}
	return "Option(" + strconv.Itoa(int(id)) + ")"
}

// Option is one option of a message.
type Option struct {
	ID    OptionID
	Value []byte
}

// Options is a message's options in ascending order of number; options of
// the same number keep the order in which they were added.
type Options []Option

// Add inserts an option behind those of the same or a lower number. The value
// is kept, not copied.
func (o *Options) Add(id OptionID, value []byte) {
	s := append(*o, Option{id, value})
	i := len(s) - 1
	for ; i > 0 && s[i-1].ID > id; i-- {
		s[i] = s[i-1]
	}
	s[i] = Option{id, value}
	*o = s
}

// AddUint inserts an option with an unsigned integer in the shortest form
// (RFC 7252 §3.2). Values under 256 and the Content-Formats of LwM2M cost no
// allocation.
func (o *Options) AddUint(id OptionID, v uint32) { o.Add(id, uintValue(v)) }

// AddString inserts an option with the bytes of s.
func (o *Options) AddString(id OptionID, s string) { o.Add(id, []byte(s)) }

// AddPath inserts one option id (Uri-Path or Location-Path) for each segment
// of a path like "/rd/5a3f". The leading slash may be missing; "" and "/" add
// nothing; a trailing slash adds an empty segment.
func (o *Options) AddPath(id OptionID, path string) {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return
	}
	for segment := range strings.SplitSeq(path, "/") {
		o.AddString(id, segment)
	}
}

// AddQuery inserts one option id (Uri-Query or Location-Query) for each
// argument of a query like "ep=a&lt=60". Nothing is unescaped.
func (o *Options) AddQuery(id OptionID, query string) {
	if query == "" {
		return
	}
	for argument := range strings.SplitSeq(query, "&") {
		o.AddString(id, argument)
	}
}

// Remove deletes every option with the number id.
func (o *Options) Remove(id OptionID) {
	*o = slices.DeleteFunc(*o, func(opt Option) bool { return opt.ID == id })
}

// Get returns the value of the first option with the number id.
func (o Options) Get(id OptionID) (value []byte, ok bool) {
	for i := range o {
		if o[i].ID == id {
			return o[i].Value, true
		}
	}
	return nil, false
}

// Has reports whether an option with the number id is present.
func (o Options) Has(id OptionID) bool {
	_, ok := o.Get(id)
	return ok
}

// Uint returns the value of the first option with the number id as an
// unsigned integer. ok is false if there is none or it is over 4 bytes long.
func (o Options) Uint(id OptionID) (v uint32, ok bool) {
	value, ok := o.Get(id)
	if !ok || len(value) > 4 {
		return 0, false
	}
	return decodeUint(value), true
}

// All yields the values of the options with the number id in order.
func (o Options) All(id OptionID) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range o {
			if o[i].ID == id && !yield(o[i].Value) {
				return
			}
		}
	}
}

// Path joins the options with the number id (Uri-Path or Location-Path) to a
// path with a leading slash. Nothing is escaped; without such options it is
// "/".
func (o Options) Path(id OptionID) string {
	var b strings.Builder
	for segment := range o.All(id) {
		b.WriteByte('/')
		b.Write(segment)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// Clone returns a copy that shares no memory with o.
func (o Options) Clone() Options {
	if len(o) == 0 {
		return nil
	}
	size := 0
	for i := range o {
		size += len(o[i].Value)
	}
	values := make([]byte, 0, size)
	clone := make(Options, len(o))
	for i := range o {
		start := len(values)
		values = append(values, o[i].Value...)
		clone[i] = Option{o[i].ID, values[start:len(values):len(values)]}
	}
	return clone
}

// Check applies RFC 7252 §5.4: an option is recognized if this package or
// understood names it, its length is in the registry's range and it is not a
// repetition of an option that may occur once. Check removes elective options
// of a known number that fail this, keeps those of an unknown number, and
// returns the first critical one that is not recognized. ok reports that there
// is none.
func (o *Options) Check(understood ...OptionID) (bad OptionID, ok bool) {
	s := *o
	kept := s[:0]
	var last Option
	for i, opt := range s {
		rule, known := optionRules[opt.ID]
		repeated := i > 0 && last.ID == opt.ID
		last = opt
		valid := known && !foreign(opt.ID) && len(opt.Value) >= rule.min && len(opt.Value) <= rule.max &&
			(rule.repeatable || !repeated)
		if !valid && slices.Contains(understood, opt.ID) && (!known || foreign(opt.ID)) {
			valid = true
		}
		if !valid && opt.ID.Critical() {
			return opt.ID, false
		}
		if valid || !known {
			kept = append(kept, opt)
		}
	}
	*o = kept
	return 0, true
}

// foreign reports the critical options that are in the registry above for
// their names only: acting on them takes more than this package does.
func foreign(id OptionID) bool { return id == OSCORE || id == ProxyURI || id == ProxyScheme }

// AppendUint appends v in the shortest form of RFC 7252 §3.2: no bytes for 0.
func AppendUint(dst []byte, v uint32) []byte {
	switch {
	case v == 0:
		return dst
	case v < 1<<8:
		return append(dst, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(dst, uint16(v))
	case v < 1<<24:
		return append(dst, byte(v>>16), byte(v>>8), byte(v))
	}
	return binary.BigEndian.AppendUint32(dst, v)
}

// decodeUint reads at most four bytes; leading zeros are accepted.
func decodeUint(b []byte) (v uint32) {
	for _, c := range b {
		v = v<<8 | uint32(c)
	}
	return v
}

// uintBytes serves the values of most options without an allocation: 0 to 255,
// then 11542, 11543 and 11544. It is never written.
var uintBytes = func() (b [256 + 6]byte) {
	for i := range 256 {
		b[i] = byte(i)
	}
	copy(b[256:], []byte{0x2d, 0x16, 0x2d, 0x17, 0x2d, 0x18})
	return b
}()

func uintValue(v uint32) []byte {
	switch {
	case v == 0:
		return nil
	case v < 256:
		return uintBytes[v : v+1 : v+1]
	case v >= 11542 && v <= 11544:
		i := 256 + 2*(v-11542)
		return uintBytes[i : i+2 : i+2]
	}
	return AppendUint(nil, v)
}
